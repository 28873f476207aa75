# The released code's letter for comparison with published numbers: its
# warp and cutout, labels drawn with replacement, no warm-up, no burn-in.
# Unlike there images are RGB, as ImageNet weights expect.
_base_ = '../posedual_res18_coco1k.py'

model = dict(
    views=[
        dict(
            source='easy',
            ops=[dict(type='LegacyJointCutout', num=5, num_candidates=24)])
    ],
    warp=dict(type='LegacyHardAffine'))
train_dataloader = dict(sampler=dict(labeled_replacement=True))
param_scheduler = [
    dict(type='MultiStepLR', milestones=[50, 60], by_epoch=True)
]
custom_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='SafeCheckpointHook'),
    dict(type='MutualTeachingHook')
]
