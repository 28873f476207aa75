# One network is its own teacher, in the letter of posedual_res18_coco1k.py.
_base_ = './posedual_res18_coco1k.py'

model = _base_.posecons
