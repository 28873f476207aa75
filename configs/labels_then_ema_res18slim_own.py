# Labels alone, then an EMA teacher, on the data of
# posedual_res18slim_own.py. It stays as it is, as nothing is known of the
# images; semipose config looks at them.
_base_ = './posedual_res18slim_own.py'

model = dict(
    _base_.labels_then_ema,
    views=[dict(_base_.small_views[0], source='hard', warp='crop')])
pipeline = _base_.train_dataloader.dataset.labeled.pipeline
pipeline[-4] = _base_.labeled_box
train_dataloader = dict(
    dataset=dict(labeled=dict(pipeline=pipeline), **_base_.unchanged_easy))
custom_hooks = _base_.labels_then_ema_hooks
