# PoseCons: one network whose easy view teaches two hard ones, small enough
# for one core.
_base_ = '../../../configs/posedual_res18slim_own.py'
model = dict(
    peers=[],
    routes=[dict(student=0, teachers=[0])],
    views=[dict(source='easy'), dict(source='easy')],
    sup_weight=1.0,
    unsup_weight=1.0)
train_dataloader = dict(batch_size=8, num_workers=1)
val_dataloader = test_dataloader = dict(num_workers=1)
val_evaluator = test_evaluator = dict(_delete_=True, type='BoxPCK')
train_cfg = dict(max_epochs=10, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=50, by_epoch=False)
]
custom_hooks = [dict(type='MutualTeachingHook', burn_in=300, ramp_up=75)]
default_hooks = dict(
    logger=dict(interval=15),
    checkpoint=dict(interval=2, max_keep_ckpts=1, save_best=None))
randomness = dict(seed=0)
