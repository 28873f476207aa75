# The released code's letter, see _base_/posedual.py. Its recipes of 1K labels
# are longer with harder views.
_base_ = '../posedual_res18_coco1k.py'

model = _base_.paper_model
train_dataloader = _base_.paper_data
length, *steps = (70, 50, 60)
if _base_.labels > 1000:
    length, *steps = (100, 70, 90)
elif _base_.hard_source == 'easy' and not _base_.hard_cutout:
    length, *steps = (30, 20, 25)
train_cfg = dict(max_epochs=length, **_base_.paper_loop)
default_hooks, log_processor = _base_.epoch_hooks, _base_.epoch_log
param_scheduler = [dict(_base_.paper_steps, milestones=steps)]
custom_hooks = _base_.paper_hooks
