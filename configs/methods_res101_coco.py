# The methods of _base_/methods.py on the data of
# posedual_res101_coco.py.
_base_ = ['./posedual_res101_coco.py', './_base_/methods.py']

model = _base_.method_full
train_dataloader = _base_.method_data
