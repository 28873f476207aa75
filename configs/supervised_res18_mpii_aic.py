# The baseline of posedual_res18_mpii_aic.py: the same labeled samples
# in the same order, no unlabeled ones.
_base_ = './posedual_res18_mpii_aic.py'

model = _base_.supervised
train_dataloader = _base_.supervised_data
custom_hooks = []
