# See _base_/paper.py. The released recipes of 1K labels are longer with
# harder views.
_base_ = ['../posedual_res18_coco1k.py', '../_base_/paper.py']

cut = _base_.paper_ops if _base_.hard_cutout else []
model = dict(
    views=[dict(source=_base_.hard_source, ops=cut)], warp=_base_.paper_warp)
train_dataloader = _base_.paper_data
length, *steps = (70, 50, 60)
if _base_.labels > 1000:
    length, *steps = (100, 70, 90)
elif _base_.hard_source == 'easy' and not cut:
    length, *steps = (30, 20, 25)
train_cfg = dict(_delete_=True, type='SemiPoseTrainLoop', max_epochs=length)
default_hooks, log_processor = _base_.epoch_hooks, _base_.epoch_log
param_scheduler = [dict(type='MultiStepLR', milestones=steps, by_epoch=True)]
custom_hooks = _base_.paper_hooks
