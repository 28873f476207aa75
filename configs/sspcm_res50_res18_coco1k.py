# SSPCM in the subset protocol: two ResNet-50 teach each other and the
# ResNet-18 that is wanted, network 2.
_base_ = ['./posedual_res18_coco1k.py', './_base_/methods.py']

weights = '{{$SEMIPOSE_RESNET50:torchvision://resnet50}}'
small_weights = '{{$SEMIPOSE_RESNET18:torchvision://resnet18}}'
small = dict(
    backbone=dict(depth=18, init_cfg=dict(checkpoint=small_weights)),
    head=dict(in_channels=512))
model = dict(
    _base_.sspcm,
    peers=[dict(), small],
    backbone=dict(depth=50, init_cfg=dict(checkpoint=weights)),
    head=dict(in_channels=2048))
epoch = _base_.epoch
train_cfg = dict(max_iters=100 * epoch)
steps = dict(_base_.semi_steps, milestones=[70 * epoch, 90 * epoch])
param_scheduler = [_base_.semi_warm_up, steps]
