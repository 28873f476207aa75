# What makes a top-down config semi-supervised. Names of our own only, as two
# base files must not define the same one.
#
# Hard views by name: the pixels they start from, and whether joints are cut.
hard_source, hard_cutout = dict(
    affine=('easy', False),
    cutout=('easy', True),
    randaug=('randaug', False),
    randaug_cutout=('randaug', True))['{{$SEMIPOSE_HARD:cutout}}']
hard_sources = dict()
if hard_source == 'randaug':
    hard_sources = dict(randaug=[dict(type='RandAugment', magnitude=20)])
posedual = dict(
    type='SemiPoseEstimator',
    data_preprocessor=dict(type='SemiPoseDataPreprocessor'),
    peers=[dict()],
    routes=[
        dict(student=0, teachers=[1]),
        dict(student=1, teachers=[0]),
    ],
    views=[
        dict(
            source=hard_source,
            ops=[dict(type='JointCutout', num=5)] if hard_cutout else [])
    ],
    warp=dict(type='HardAffine', scale=0.25, rotation=30, prob=0.8),
    sup_weight=0.5,
    unsup_weight=1.0)

# for a child of a PoseDual config: one network that teaches itself
posecons = dict(
    peers=[], routes=[dict(student=0, teachers=[0])], sup_weight=1.0)

# Crops of labeled images, where nothing is known of the data; semipose config
# turns and scales them as widely as the labels are.
labeled_box = dict(
    type='RandomBBoxTransform',
    shift_factor=0.08,
    shift_prob=0.8,
    scale_factor=(0.75, 1.25),
    rotate_factor=40,
    rotate_prob=0.8)

# for a child of a PoseDual config: one network learns from labels alone, then
# its average teaches it on unlabeled ones: sharp peaks that weigh by how sure
# it is. It stays as it is, since one that follows learns the mistakes of what
# it teaches where images are alike. The network learns from crops like those
# of labeled images, and the teacher sees the box itself
labels_then_ema = dict(
    peers=[],
    teachers=dict(
        teacher=dict(type='EMATeacher', of=0, windows=20, until_teaching=True),
        ema0=dict(type='EMATeacher', of=0, windows=10)),
    routes=[
        dict(
            student=0,
            teachers=['teacher'],
            target=dict(type='RenderedTarget'),
            select=dict(type='ScoreSelection', power=2))
    ],
    views=[
        dict(
            source='hard',
            warp='crop',
            ops=[dict(type='JointCutout', num=5)] if hard_cutout else [])
    ],
    warp=None,
    sup_weight=1.0)
# where images differ, as photographs do, it grows better with the network
labels_then_following_ema = dict(
    labels_then_ema,
    teachers=dict(ema0=labels_then_ema['teachers']['ema0']),
    routes=[dict(labels_then_ema['routes'][0], teachers=['ema0'])])
unchanged_easy = dict(easy=[], sources=dict(_delete_=True))

# for a child of a PoseDual config: one network, labeled images alone
supervised = dict(peers=[], routes=[], views=[], warp=None, sup_weight=1.0)
supervised_data = dict(
    dataset=dict(unlabeled=None, unlabeled_ratio=0, sources=dict()))

# fresh networks first learn from labels alone, or they agree on background
mutual_teaching = dict(
    type='MutualTeachingHook', burn_in=500, ramp_up=500, on_collapse='warn')
semi_hooks = [mutual_teaching]
# by shares of the training
labels_then_ema_hooks = [dict(mutual_teaching, burn_in=0.75, ramp_up=0)]
labels_then_following_ema_hooks = [
    dict(mutual_teaching, burn_in=0.5, ramp_up=0)
]
# losses are taken off the device when they are logged
semi_info = dict(runtime_info=dict(type='DeferredRuntimeInfoHook'))
# recipes count iterations, and log by them; the released ones count epochs
iter_hooks = dict(
    logger=dict(log_metric_by_epoch=False),
    checkpoint=dict(
        type='SafeCheckpointHook', by_epoch=False, max_keep_ckpts=5),
    **semi_info)
iter_log = dict(by_epoch=False)
epoch_hooks = dict(
    logger=dict(log_metric_by_epoch=True),
    checkpoint=dict(
        type='SafeCheckpointHook', by_epoch=True, interval=1,
        max_keep_ckpts=2),
    **semi_info)
epoch_log = dict(by_epoch=True)
semi_steps = dict(type='MultiStepLR', by_epoch=False)
semi_warm_up = dict(
    type='LinearLR', start_factor=0.001, end=500, by_epoch=False)
semi_optimizer = dict(type='FiniteOptimWrapper', optimizer=dict(lr=1e-3))
semi_iter_loop = dict(_delete_=True, type='SemiPoseIterTrainLoop')
semi_sampler = dict(_delete_=True, type='SemiPoseSampler')
semi_loader = dict(
    sampler=semi_sampler,
    collate_fn=dict(type='semi_collate'),
    pin_memory=True)
semi_val_loop = dict(type='SemiPoseValLoop')
semi_test_loop = dict(type='SemiPoseTestLoop')

# for a config by hand, so many iterations: train_cfg, val_cfg, test_cfg,
# param_scheduler, optim_wrapper, default_hooks, custom_hooks, log_processor
semi_iterations = int('{{$SEMIPOSE_ITERATIONS:20000}}')
semi_training = [
    dict(
        max_iters=semi_iterations,
        val_interval=-(-semi_iterations // 10),
        **semi_iter_loop), semi_val_loop, semi_test_loop,
    [
        dict(semi_warm_up, end=-(-semi_iterations // 40)),
        dict(
            semi_steps,
            milestones=[semi_iterations * 7 // 10, semi_iterations * 9 // 10])
    ], semi_optimizer,
    dict(
        iter_hooks,
        checkpoint=dict(
            iter_hooks['checkpoint'], interval=-(-semi_iterations // 10))),
    [dict(mutual_teaching, burn_in=0.2, ramp_up=0.2)], iter_log
]

# The released code's letter, for comparison with published numbers: its warp
# and cutout, labels drawn with replacement, no warm-up, no burn-in, schedules
# in epochs. Unlike there images are RGB, as ImageNet weights expect.
paper_cutout = dict(type='LegacyJointCutout', num=5, num_candidates=24)
paper_model = dict(
    views=[
        dict(source=hard_source, ops=[paper_cutout] if hard_cutout else [])
    ],
    warp=dict(type='LegacyHardAffine'))
paper_data = dict(sampler=dict(labeled_replacement=True))
paper_loop = dict(_delete_=True, type='SemiPoseTrainLoop')
paper_steps = dict(type='MultiStepLR', by_epoch=True)
paper_hooks = [dict(type='MutualTeachingHook')]
