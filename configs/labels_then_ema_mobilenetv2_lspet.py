# Labels alone, then an EMA teacher that follows on, on the data of
# posedual_mobilenetv2_lspet.py.
_base_ = './posedual_mobilenetv2_lspet.py'

model = dict(
    _base_.labels_then_following_ema,
    views=[dict(_base_.small_views[0], source='hard', warp='crop')])
pipeline = _base_.train_dataloader.dataset.labeled.pipeline
pipeline[-4] = dict(
    _base_.labeled_box, rotate_factor=80, scale_factor=(0.69, 1.31))
train_dataloader = dict(
    dataset=dict(labeled=dict(pipeline=pipeline), **_base_.unchanged_easy))
custom_hooks = _base_.labels_then_following_ema_hooks
