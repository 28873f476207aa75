# Labels alone, then an EMA teacher, on the data of
# posedual_mobilenetv2_mouse9.py.
_base_ = './posedual_mobilenetv2_mouse9.py'

model = dict(
    _base_.labels_then_ema,
    views=[dict(_base_.small_views[0], source='hard', warp='crop')])
pipeline = _base_.train_dataloader.dataset.labeled.pipeline
pipeline[-4] = dict(
    _base_.labeled_box, rotate_factor=80, scale_factor=(0.65, 1.35))
train_dataloader = dict(
    dataset=dict(labeled=dict(pipeline=pipeline), **_base_.unchanged_easy))
custom_hooks = _base_.labels_then_ema_hooks
