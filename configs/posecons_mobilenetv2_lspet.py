# PoseCons on the data of posedual_mobilenetv2_lspet.py: one network is its
# own teacher.
_base_ = './posedual_mobilenetv2_lspet.py'

model = _base_.posecons
