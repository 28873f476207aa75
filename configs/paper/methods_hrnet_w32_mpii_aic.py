# The released codes' letter, see _base_/methods.py.
_base_ = ['./posedual_hrnet_w32_mpii_aic.py', '../_base_/methods.py']

model = _base_.method_letter_full
train_dataloader = _base_.method_data
