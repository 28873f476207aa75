# A folder in COCO's keypoint format, laid out as by
# projects/synthetic_people/generate.py.
own_root = '{{$SEMIPOSE_OWN:data/people}}/'
own_labeled = dict(
    type='CocoDataset',
    data_root=own_root,
    data_mode='topdown',
    ann_file='annotations/person_keypoints_train.json',
    data_prefix=dict(img='images/train/'))
own_unlabeled = dict(
    type='UnlabeledPoseDataset',
    data_root=own_root,
    ann_file='annotations/image_info_unlabeled.json',
    bbox_file='annotations/unlabeled_detections.json',
    score_thr=0.5,
    data_prefix=dict(img='images/unlabeled/'))
own_val_file = 'annotations/person_keypoints_val.json'
own_val = dict(
    dataset=dict(
        data_root=own_root,
        ann_file=own_val_file,
        bbox_file='',
        data_prefix=dict(img='images/val/')))
own_evaluator = [
    dict(type='FastCocoMetric', ann_file=own_root + own_val_file),
    dict(type='BoxPCK'),
    dict(type='PixelError')
]
