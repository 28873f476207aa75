# 256x256 frames of one mouse with 9 keypoints. Their names and flip pairs are
# not known, so nothing may be flipped.
mouse9_root = '{{$SEMIPOSE_DATA:data}}/mouse9/'
mouse9 = dict(
    dataset_name='mouse9',
    paper_info=dict(),
    keypoint_info={
        i: dict(name=f'kp{i}', id=i, color=[255, 28 * i, 0], type='', swap='')
        for i in range(9)
    },
    skeleton_info={},
    joint_weights=[1.] * 9,
    sigmas=[0.05] * 9)
mouse9_labeled = dict(
    type='CocoDataset',
    data_root=mouse9_root,
    data_mode='topdown',
    metainfo=mouse9,
    ann_file='annotations/train_labeled_{{$SEMIPOSE_NUM_LABELS:20}}.json',
    data_prefix=dict(img='images/'))
mouse9_unlabeled = dict(
    type='UnlabeledPoseDataset',
    data_root=mouse9_root,
    ann_file='annotations/image_info_unlabeled_800.json',
    bbox_file='annotations/unlabeled_800_boxes.json',
    data_prefix=dict(img='images/'))
mouse9_test = dict(
    num_workers=2,
    dataset=dict(
        data_root=mouse9_root,
        metainfo=mouse9,
        ann_file='annotations/test_248.json',
        bbox_file='',
        data_prefix=dict(img='images/')))
