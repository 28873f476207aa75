# Evaluation on test-dev as in posedual_hrnet_w48_coco_testdev.py.
_base_ = ['./posedual_hrnet_w48_coco_testdev.py', './_base_/methods.py']

model = _base_.method_full
train_dataloader = _base_.method_data
