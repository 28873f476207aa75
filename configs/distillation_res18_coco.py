# A ResNet-18 learns from HRNet-W48 of MMPose's zoo on unlabeled2017, beside
# all labels of COCO. SEMIPOSE_TEACHER has another checkpoint of it.
_base_ = ['./posedual_res50_coco.py', './_base_/methods.py']

weights = '{{$SEMIPOSE_RESNET18:torchvision://resnet18}}'
model = dict(
    backbone=dict(depth=18, init_cfg=dict(checkpoint=weights)),
    head=dict(in_channels=512),
    **_base_.distillation)
epoch = _base_.epoch
train_cfg = dict(max_iters=100 * epoch)
steps = dict(_base_.semi_steps, milestones=[70 * epoch, 90 * epoch])
param_scheduler = [_base_.semi_warm_up, steps]
