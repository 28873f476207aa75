# Labels alone, then an EMA teacher, on the data of
# posedual_mobilenetv2_lspet.py.
_base_ = './posedual_mobilenetv2_lspet.py'

model = _base_.labels_then_ema
custom_hooks = _base_.labels_then_ema_hooks
