# RTMDet, much narrower than RTMDet-tiny, for generated pictures at 96x120: it
# is trained from random weights on one CPU core in a few minutes.
_base_ = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'
people_root = '{{$SEMIPOSE_PEOPLE:data/people}}/'
max_epochs = 10
norm_cfg = dict(type='BN')

model = dict(
    backbone=dict(widen_factor=0.25, norm_cfg=norm_cfg, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256], out_channels=48, norm_cfg=norm_cfg),
    bbox_head=dict(
        num_classes=1,
        in_channels=48,
        feat_channels=48,
        stacked_convs=1,
        exp_on_reg=True,
        norm_cfg=norm_cfg),
    test_cfg=dict(nms_pre=1000, max_per_img=20, nms=dict(iou_threshold=0.5)))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=(96, 128), ratio_range=(0.7, 1.3)),
    dict(type='RandomCrop', crop_size=(96, 128)),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=(96, 128), pad_val=dict(img=(114, 114, 114))),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(96, 128), keep_ratio=True),
    dict(type='Pad', size=(96, 128), pad_val=dict(img=(114, 114, 114))),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                   'scale_factor'))
]
metainfo = dict(classes=('person', ), palette=[(220, 20, 60)])
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    pin_memory=False,
    dataset=dict(
        data_root=people_root,
        ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='images/train/'),
        metainfo=metainfo,
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    pin_memory=False,
    dataset=dict(
        data_root=people_root,
        ann_file='annotations/person_keypoints_val.json',
        data_prefix=dict(img='images/val/'),
        metainfo=metainfo,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=people_root +
                     'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator

train_cfg = dict(
    max_epochs=max_epochs, val_interval=max_epochs, dynamic_intervals=None)
optim_wrapper = dict(optimizer=dict(lr=0.002))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        T_max=max_epochs,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True)
]
default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(interval=max_epochs, max_keep_ckpts=1))
custom_hooks = []
randomness = dict(seed=0)
