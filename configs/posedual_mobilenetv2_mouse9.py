_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/coco/'
    'td-hm_mobilenetv2_8xb64-210e_coco-256x192.py', './_base_/semi_mouse9.py',
    './_base_/small_schedule.py'
]
custom_imports = dict(imports=['semipose_mm'], allow_failed_imports=False)
codec = dict(input_size=(128, 128), heatmap_size=(32, 32), sigma=1.5)
model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='{{$SEMIPOSE_MOBILENETV2:mmcls://mobilenet_v2}}')),
    head=dict(out_channels=9, decoder=codec, **_base_.small_head),
    test_cfg=dict(flip_test=False),
    **dict(_base_.posedual, views=_base_.small_views))
load, pack = _base_.train_pipeline[:2], _base_.train_pipeline[-1]
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
            **_base_.mouse9_labeled),
        unlabeled=_base_.mouse9_unlabeled),
    **_base_.small_loader)
val_dataloader = test_dataloader = _base_.mouse9_test
val_dataloader['dataset']['pipeline'] = [*load, affine, pack]
val_evaluator = test_evaluator = dict(_delete_=True, type='BoxPCK')
saving = dict(_base_.small_save, save_best='PCK@0.05')
default_hooks = dict(checkpoint=saving, **_base_.semi_info)
train_cfg = dict(
    _delete_=True, type='SemiPoseTrainLoop', max_epochs=40, val_interval=10)
val_cfg, test_cfg = _base_.semi_val_loop, _base_.semi_test_loop
optim_wrapper = _base_.small_optimizer
param_scheduler = _base_.small_scheduler
custom_hooks = _base_.small_hooks
