# Own data in COCO's keypoint format, with a network that two cores can train
# from random weights; docs/data.md explains.
_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/coco/'
    'td-hm_res50_8xb64-210e_coco-256x192.py', './_base_/small_schedule.py',
    './_base_/semi_own.py'
]
custom_imports = dict(imports=['semipose_mm'], allow_failed_imports=False)
codec = dict(input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)
slim = dict(depth=18, stem_channels=32, base_channels=32, init_cfg=None)
model = dict(
    backbone=slim,
    head=dict(in_channels=256, decoder=codec, **_base_.small_head),
    test_cfg=dict(flip_test=False),
    **dict(_base_.posedual, views=_base_.small_views))
load, pack = _base_.train_pipeline[:3], _base_.train_pipeline[-1]
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
target = dict(type='GenerateTarget', encoder=dict(_base_.codec, **codec))
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='SemiPoseDataset',
        sources=_base_.hard_sources,
        labeled=dict(
            pipeline=[*load,
                      dict(type='EasyAffine'), affine, target, pack],
            **_base_.own_labeled),
        unlabeled=_base_.own_unlabeled),
    **_base_.small_loader)
val_dataloader = test_dataloader = _base_.own_val
val_dataloader['dataset']['pipeline'] = [*load[:2], affine, pack]
val_evaluator = test_evaluator = _base_.own_evaluator
default_hooks = dict(checkpoint=_base_.small_save, **_base_.semi_info)
train_cfg = dict(
    _delete_=True, type='SemiPoseTrainLoop', max_epochs=60, val_interval=10)
val_cfg, test_cfg = _base_.semi_val_loop, _base_.semi_test_loop
optim_wrapper = _base_.small_optimizer
param_scheduler, custom_hooks = _base_.small_scheduler, _base_.small_hooks
