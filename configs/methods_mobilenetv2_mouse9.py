# The methods of _base_/methods.py on the data of
# posedual_mobilenetv2_mouse9.py.
_base_ = ['./posedual_mobilenetv2_mouse9.py', './_base_/methods.py']

model = _base_.method_small
train_dataloader = _base_.method_data
