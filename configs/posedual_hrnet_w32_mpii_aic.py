_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/mpii/'
    'td-hm_hrnet-w32_8xb64-210e_mpii-256x256.py', './_base_/posedual.py',
    './_base_/semi_mpii_aic.py'
]
custom_imports = dict(imports=['semipose_mm'], allow_failed_imports=False)
weights = '{{$SEMIPOSE_HRNET_W32:https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth}}'  # noqa: E501
model = dict(
    backbone=dict(init_cfg=dict(checkpoint=weights)),
    test_cfg=dict(flip_test=False),
    **_base_.posedual)
pipeline = [
    *_base_.train_pipeline[:3],
    dict(type='EasyAffine'), *_base_.train_pipeline[-3:]
]
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    **_base_.semi_loader,
    dataset=dict(
        _delete_=True,
        type='SemiPoseDataset',
        sources=_base_.hard_sources,
        labeled=dict(pipeline=pipeline, **_base_.mpii_labeled),
        unlabeled=_base_.aic_unlabeled))
val_dataloader = test_dataloader = _base_.mpii_val
epoch = _base_.aic_persons // 32
train_cfg = dict(
    max_iters=300 * epoch, val_interval=5 * epoch, **_base_.semi_iter_loop)
default_hooks = _base_.iter_hooks
default_hooks['checkpoint']['interval'] = 5 * epoch
log_processor = _base_.iter_log
val_cfg, test_cfg = _base_.semi_val_loop, _base_.semi_test_loop
optim_wrapper = _base_.semi_optimizer
steps = dict(_base_.semi_steps, milestones=[220 * epoch, 260 * epoch])
param_scheduler = [_base_.semi_warm_up, steps]
auto_scale_lr = dict(base_batch_size=32)
custom_hooks = _base_.semi_hooks
