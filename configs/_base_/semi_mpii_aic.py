# MPII as labeled data and evaluation, AI Challenger's persons as unlabeled
# data: their boxes, in MMPose's layout of both.
mpii_root = '{{$SEMIPOSE_DATA:data}}/mpii/'
mpii_labeled = dict(
    type='MpiiDataset',
    data_root=mpii_root,
    data_mode='topdown',
    ann_file='annotations/mpii_train.json',
    data_prefix=dict(img='images/'))
aic_unlabeled = dict(
    type='UnlabeledPoseDataset',
    data_root='{{$SEMIPOSE_DATA:data}}/aic/',
    ann_file='annotations/aic_train.json',
    data_prefix=dict(img='ai_challenger_keypoint_train_20170902/'
                     'keypoint_train_images_20170902/'))
mpii_val = dict(
    dataset=dict(
        data_root=mpii_root,
        headbox_file=mpii_root + 'annotations/mpii_gt_val.mat'))

# An epoch of the schedules is one of the about 378,000 persons of AI
# Challenger's training part, on all GPUs together.
aic_persons = 378_000 // int('{{$SEMIPOSE_GPUS:1}}')
