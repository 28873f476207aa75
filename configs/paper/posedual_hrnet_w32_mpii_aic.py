# The released code's letter, see _base_/posedual.py. No recipe was released;
# the schedule is that of MultiAugs' code (arXiv 2402.11566), which has sigma 3
# where this has 2.
_base_ = '../posedual_hrnet_w32_mpii_aic.py'

model = _base_.paper_model
train_dataloader = _base_.paper_data
train_cfg = dict(max_epochs=300, **_base_.paper_loop)
default_hooks, log_processor = _base_.epoch_hooks, _base_.epoch_log
param_scheduler = [dict(_base_.paper_steps, milestones=[220, 260])]
custom_hooks = _base_.paper_hooks
