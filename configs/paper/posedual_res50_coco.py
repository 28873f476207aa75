# See _base_/paper.py.
_base_ = ['../posedual_res50_coco.py', '../_base_/paper.py']

cut = _base_.paper_ops if _base_.hard_cutout else []
model = dict(
    views=[dict(source=_base_.hard_source, ops=cut)], warp=_base_.paper_warp)
train_dataloader = _base_.paper_data
train_cfg = dict(_delete_=True, type='SemiPoseTrainLoop', max_epochs=400)
default_hooks, log_processor = _base_.epoch_hooks, _base_.epoch_log
param_scheduler = [
    dict(type='MultiStepLR', milestones=[300, 350], by_epoch=True)
]
custom_hooks = _base_.paper_hooks
