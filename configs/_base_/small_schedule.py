# For a few hundred labels and one small machine: 2000 iterations of batch 16,
# the first of them on labels alone.
_base_ = './posedual.py'

small_head = dict(deconv_out_channels=(64, 64, 64))
# the released boxes are made for 256x192; here they are half as large
small_cutout = dict(type='JointCutout', num=5, half_size=(5, 10), jitter=5.)
small_views = [
    dict(
        source=_base_.hard_source,
        ops=[small_cutout] if _base_.hard_cutout else [])
]
small_loader = dict(
    batch_size=16, drop_last=True, num_workers=2, **_base_.semi_loader)
small_save = dict(type='SafeCheckpointHook')
small_optimizer = dict(type='FiniteOptimWrapper', optimizer=dict(lr=1e-3))
small_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=50, by_epoch=False),
    dict(type='MultiStepLR', milestones=[1400, 1800], by_epoch=False)
]
small_hooks = [dict(type='MutualTeachingHook', burn_in=400, ramp_up=400)]
