# Leeds Sports Pose Extended: one athlete a crop, joints in CrowdPose order.
lspet_root = '{{$SEMIPOSE_DATA:data}}/lspet/'
lspet_labeled = dict(
    type='CrowdPoseDataset',
    data_root=lspet_root,
    data_mode='topdown',
    ann_file='annotations/train_labeled_{{$SEMIPOSE_NUM_LABELS:250}}.json',
    data_prefix=dict(img='images/'))
lspet_unlabeled = dict(
    type='UnlabeledPoseDataset',
    data_root=lspet_root,
    ann_file='annotations/image_info_unlabeled_4000.json',
    bbox_file='annotations/unlabeled_4000_boxes.json',
    data_prefix=dict(img='images/'))
lspet_test = dict(
    num_workers=2,
    dataset=dict(
        type='CrowdPoseDataset',
        data_root=lspet_root,
        ann_file='annotations/test_1000.json',
        bbox_file='',
        data_prefix=dict(img='images/')))
