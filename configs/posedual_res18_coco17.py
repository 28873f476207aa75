# The COCO recipe on a small excerpt in COCO's own format: for trying things,
# not for measuring them.
_base_ = './posedual_res18_coco1k.py'

coco17 = dict(data_root='{{$SEMIPOSE_DATA:data}}/coco17/')
train_file = 'annotations/person_keypoints_train2017_mini.json'
val_file = 'annotations/person_keypoints_val2017_mini.json'
# random weights by default: the excerpt is for machines without a network
model = dict(
    backbone=dict(init_cfg=None), peers=[dict(backbone=dict(init_cfg=None))])
labels = int('{{$SEMIPOSE_NUM_LABELS:100}}')
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    dataset=dict(
        labeled=dict(indices=labels, ann_file=train_file, **coco17),
        unlabeled=dict(ann_file=train_file, **coco17)))
val_dataloader = test_dataloader = dict(
    dataset=dict(ann_file=val_file, **coco17))
val_evaluator = test_evaluator = dict(ann_file=coco17['data_root'] + val_file)

train_cfg = dict(
    _delete_=True, type='SemiPoseTrainLoop', max_epochs=20, val_interval=10)
default_hooks, log_processor = _base_.epoch_hooks, _base_.epoch_log
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=100, by_epoch=False),
    dict(type='MultiStepLR', milestones=[14, 18], by_epoch=True)
]
