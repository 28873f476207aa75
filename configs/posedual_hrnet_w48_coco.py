_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/coco/'
    'td-hm_hrnet-w48_8xb32-210e_coco-384x288.py', './_base_/posedual.py',
    './_base_/semi_coco.py'
]
custom_imports = dict(imports=['semipose_mm'], allow_failed_imports=False)
weights = '{{$SEMIPOSE_HRNET_W48:https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w48-8ef0771d.pth}}'  # noqa: E501
model = dict(
    backbone=dict(init_cfg=dict(checkpoint=weights)),
    test_cfg=dict(flip_test=False),
    **_base_.posedual)
pipeline = [
    *_base_.train_pipeline[:3],
    dict(type='EasyAffine'), *_base_.train_pipeline[-3:]
]
train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    **_base_.semi_loader,
    dataset=dict(
        _delete_=True,
        type='SemiPoseDataset',
        sources=_base_.hard_sources,
        labeled=dict(pipeline=pipeline, **_base_.coco_labeled),
        unlabeled=_base_.coco_unlabeled))
val_dataloader = test_dataloader = _base_.coco_val
val_evaluator = test_evaluator = _base_.coco_evaluator
epoch = _base_.coco_persons // 8
train_cfg = dict(
    max_iters=300 * epoch, val_interval=10 * epoch, **_base_.semi_iter_loop)
default_hooks = _base_.iter_hooks
default_hooks['checkpoint']['interval'] = 10 * epoch
log_processor = _base_.iter_log
val_cfg, test_cfg = _base_.semi_val_loop, _base_.semi_test_loop
optim_wrapper = _base_.semi_optimizer
steps = dict(_base_.semi_steps, milestones=[220 * epoch, 260 * epoch])
param_scheduler = [_base_.semi_warm_up, steps]
auto_scale_lr = dict(base_batch_size=8)
custom_hooks = _base_.semi_hooks
