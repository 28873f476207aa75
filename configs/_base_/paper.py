# The released code's letter, for comparison with published numbers: its warp
# and cutout, labels drawn with replacement, no warm-up, no burn-in, schedules
# in epochs. Unlike there images are RGB, as ImageNet weights expect.
paper_ops = [dict(type='LegacyJointCutout', num=5, num_candidates=24)]
paper_warp = dict(type='LegacyHardAffine')
paper_data = dict(sampler=dict(labeled_replacement=True))
paper_hooks = [
    dict(type='SyncBuffersHook'),
    dict(type='SafeCheckpointHook'),
    dict(type='MutualTeachingHook')
]
