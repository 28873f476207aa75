# The methods of _base_/methods.py on the data of
# posedual_res18slim_own.py.
_base_ = ['./posedual_res18slim_own.py', './_base_/methods.py']

model = _base_.method_small
train_dataloader = _base_.method_data
