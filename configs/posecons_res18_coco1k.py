# PoseCons in the subset protocol: one network is its own teacher.
_base_ = './posedual_res18_coco1k.py'

model = _base_.posecons
