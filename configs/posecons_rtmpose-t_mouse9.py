# PoseCons on the data of posedual_rtmpose-t_mouse9.py: one network is its
# own teacher.
_base_ = './posedual_rtmpose-t_mouse9.py'

model = _base_.posecons
