# Labels alone, then an EMA teacher, on the data of
# posedual_res18_coco1k.py.
_base_ = './posedual_res18_coco1k.py'

model = _base_.labels_then_ema
custom_hooks = _base_.labels_then_ema_hooks
