# The baseline of posedual_mobilenetv2_mouse9.py: the same labeled samples in
# the same order, no unlabeled ones.
_base_ = './posedual_mobilenetv2_mouse9.py'

model = _base_.supervised
train_dataloader = dict(dataset=dict(unlabeled_ratio=0))
custom_hooks = []
