# PoseCons on the data of posedual_rtmpose-t_lspet.py: one network is its
# own teacher.
_base_ = './posedual_rtmpose-t_lspet.py'

model = _base_.posecons
