# Labels alone, then an EMA teacher, on the data of
# posedual_res18slim_own.py.
_base_ = './posedual_res18slim_own.py'

model = _base_.labels_then_ema
custom_hooks = _base_.labels_then_ema_hooks
