# The released codes' letter, see _base_/methods.py.
_base_ = ['./posedual_res18_coco1k.py', '../_base_/methods.py']

model = _base_.method_letter
train_dataloader = _base_.method_data
length, *steps = _base_.method_epochs[(_base_.labels > 1000) +
                                      (_base_.labels > 5000)]
train_cfg = dict(max_epochs=length)
param_scheduler = [dict(_base_.paper_steps, milestones=steps)]
