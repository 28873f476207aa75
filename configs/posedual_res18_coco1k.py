# The subset protocol: the first N persons of train2017 are labeled, all of
# them are unlabeled.
_base_ = './posedual_res50_coco.py'

# the paper starts its two networks from two ImageNet trainings; give the
# second one in SEMIPOSE_RESNET18_PEER if you have it
weights = '{{$SEMIPOSE_RESNET18:torchvision://resnet18}}'
peer_weights = '{{$SEMIPOSE_RESNET18_PEER:torchvision://resnet18}}'
model = dict(
    backbone=dict(depth=18, init_cfg=dict(checkpoint=weights)),
    peers=[dict(backbone=dict(init_cfg=dict(checkpoint=peer_weights)))],
    head=dict(in_channels=512))
labels = int('{{$SEMIPOSE_NUM_LABELS:1000}}')
train_dataloader = dict(
    dataset=dict(
        labeled=dict(indices=labels),
        unlabeled=dict(_delete_=True, **_base_.coco_train_unlabeled)))

train_cfg = dict(max_epochs=70, val_interval=5)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, end=500, by_epoch=False),
    dict(type='MultiStepLR', milestones=[50, 60], by_epoch=True)
]
