# The subset protocol: the first N persons of train2017 are labeled, all of
# them are unlabeled. N is 1000, 5000, 10000 or 'all'.
_base_ = './posedual_res50_coco.py'

# the paper starts its two networks from two ImageNet trainings; give the
# second one in SEMIPOSE_RESNET18_PEER if you have it
weights = '{{$SEMIPOSE_RESNET18:torchvision://resnet18}}'
peer_weights = '{{$SEMIPOSE_RESNET18_PEER:torchvision://resnet18}}'
model = dict(
    backbone=dict(depth=18, init_cfg=dict(checkpoint=weights)),
    peers=[dict(backbone=dict(init_cfg=dict(checkpoint=peer_weights)))],
    head=dict(in_channels=512))
labels = '{{$SEMIPOSE_NUM_LABELS:1000}}'
labels = 149_813 if labels == 'all' else int(labels)
train_dataloader = dict(
    dataset=dict(
        labeled=dict(indices=labels),
        unlabeled=dict(_delete_=True, **_base_.coco_train_unlabeled)))

length, *steps = (70, 50, 60) if labels <= 1000 else (100, 70, 90)
steps = [step * _base_.epoch for step in steps]
steps = dict(_base_.semi_steps, milestones=steps)
train_cfg = dict(max_iters=length * _base_.epoch)
param_scheduler = [_base_.semi_warm_up, steps]
