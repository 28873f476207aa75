# The released code's letter, see _base_/posedual.py.
_base_ = '../posedual_res50_coco.py'

model = _base_.paper_model
train_dataloader = _base_.paper_data
train_cfg = dict(max_epochs=400, **_base_.paper_loop)
default_hooks, log_processor = _base_.epoch_hooks, _base_.epoch_log
param_scheduler = [dict(_base_.paper_steps, milestones=[300, 350])]
custom_hooks = _base_.paper_hooks
