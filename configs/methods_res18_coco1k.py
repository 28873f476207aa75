# The methods of _base_/methods.py in the subset protocol.
_base_ = ['./posedual_res18_coco1k.py', './_base_/methods.py']

model = _base_.method
train_dataloader = _base_.method_data
length, *steps = _base_.method_epochs[(_base_.labels > 1000) +
                                      (_base_.labels > 5000)]
steps = [step * _base_.epoch for step in steps]
steps = dict(_base_.semi_steps, milestones=steps)
train_cfg = dict(max_iters=length * _base_.epoch)
param_scheduler = [_base_.semi_warm_up, steps]
