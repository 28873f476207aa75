# Labels alone, then an EMA teacher that follows on, on the data of
# posedual_res18_coco1k.py.
_base_ = './posedual_res18_coco1k.py'

model = _base_.labels_then_following_ema
pipeline = _base_.train_dataloader.dataset.labeled.pipeline
pipeline[-4] = dict(
    _base_.labeled_box, rotate_factor=38, scale_factor=(0.65, 1.35))
train_dataloader = dict(
    dataset=dict(labeled=dict(pipeline=pipeline), **_base_.unchanged_easy))
custom_hooks = _base_.labels_then_following_ema_hooks
