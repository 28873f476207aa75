# The baseline of posedual_hrnet_w32_mpii_aic.py: the same labeled samples
# in the same order, no unlabeled ones.
_base_ = './posedual_hrnet_w32_mpii_aic.py'

model = _base_.supervised
train_dataloader = _base_.supervised_data
custom_hooks = []
