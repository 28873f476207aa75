_base_ = './posedual_hrnet_w32_mpii_aic.py'

weights = '{{$SEMIPOSE_RESNET18:torchvision://resnet18}}'
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=18,
        init_cfg=dict(type='Pretrained', checkpoint=weights)),
    head=dict(in_channels=512, deconv_out_channels=(256, 256, 256)))
epoch = _base_.epoch
train_cfg = dict(max_iters=100 * epoch)
steps = dict(_base_.semi_steps, milestones=[50 * epoch, 70 * epoch])
param_scheduler = [_base_.semi_warm_up, steps]
