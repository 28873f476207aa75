# Copyright (c) semipose_mm authors.
"""The training step and prediction of the estimator."""
import copy

import pytest
import simcc_toys
import torch
from mmengine.optim import OptimWrapper
from mmpose.models.losses import KeypointMSELoss
from mmpose.registry import MODELS
from toys import BASE, DUAL, build_batch, build_model

from semipose_mm.models.network_pass import pass_sizes


def unsup(losses):
    return [losses[k] for k in sorted(losses) if k.endswith('loss_unsup')]


def test_losses_of_both_networks():
    losses = build_model(**DUAL).loss(*build_batch())
    assert sorted(losses) == [
        'net0/loss_sup', 'net0/loss_unsup', 'net1/loss_sup', 'net1/loss_unsup'
    ]
    assert all(loss.ndim == 0 and loss > 0 for loss in losses.values())


def test_swapping_the_networks_swaps_the_losses():
    views = [dict(source='easy', ops=[])]
    model = build_model(**dict(DUAL, views=views))
    before = model.loss(*build_batch())
    own = {k: v for k, v in model.state_dict().items() if 'peers' not in k}
    peer = model.peers['1'].state_dict()
    swapped = dict(peer, **{f'peers.1.{k}': v for k, v in own.items()})
    other = build_model(seed=1, **dict(DUAL, views=views))
    other.load_state_dict(swapped)
    after = other.loss(*build_batch())
    for kind in ('sup', 'unsup'):
        for i, j in ((0, 1), (1, 0)):
            torch.testing.assert_close(before[f'net{i}/loss_{kind}'],
                                       after[f'net{j}/loss_{kind}'])
    assert before['net0/loss_unsup'] != before['net1/loss_unsup']


def test_no_gradient_reaches_a_teacher():
    model = build_model(**DUAL)
    losses = model.loss(*build_batch())
    losses['net0/loss_unsup'].backward()
    assert all(p.grad is None for p in model.peers.parameters())
    assert model.backbone.conv1.weight.grad.abs().sum() > 0
    assert model.head.final_layer.weight.grad.abs().sum() > 0


def test_one_network_without_hard_views_has_nothing_to_learn():
    model = build_model(
        routes=[dict(student=0, teachers=[0])],
        views=[dict(source='easy', ops=[])])
    losses = model.loss(*build_batch())
    assert losses['net0/loss_unsup'] == 0


def test_weights_scale_their_terms():
    one = build_model(**DUAL).loss(*build_batch())
    two = build_model(
        **DUAL, sup_weight=1., unsup_weight=3.).loss(*build_batch())
    torch.testing.assert_close(two['net0/loss_sup'], one['net0/loss_sup'] * 2)
    torch.testing.assert_close(two['net1/loss_unsup'],
                               one['net1/loss_unsup'] * 3)


def test_every_view_adds_its_loss():
    view = dict(source='easy', ops=[])
    one = build_model(**dict(DUAL, views=[view], warp=None))
    two = build_model(**dict(DUAL, views=[view, view], warp=None))
    torch.testing.assert_close(
        2 * torch.stack(unsup(one.loss(*build_batch()))),
        torch.stack(unsup(two.loss(*build_batch()))))
    assert [x.view for x in two.last_step.views] == [0, 0, 1, 1]


def test_batch_norm_sees_labeled_easy_and_hard_images():
    model = build_model(**DUAL)
    model.loss(*build_batch())
    for net in model.networks:
        assert net.backbone.bn1.num_batches_tracked == 3
    frozen = build_model(**DUAL, teacher_norm='eval')
    frozen.loss(*build_batch())
    assert frozen.backbone.bn1.num_batches_tracked == 2
    assert all(m.training for m in frozen.modules())


def test_teachers_do_not_drop_out():

    class Dropping(torch.nn.Dropout):
        calls = []

        def forward(self, x):
            self.calls.append(self.training)
            return super().forward(x)

    model = build_model(**DUAL)
    model.head.final_layer = torch.nn.Sequential(Dropping(),
                                                 model.head.final_layer)
    model.loss(*build_batch())
    # labeled, easy as a teacher, hard
    assert Dropping.calls == [True, False, True]


def test_switched_off_teaching_equals_supervised_training():
    """Parameters and buffers, bit by bit (nothing unlabeled is run)."""
    states = []
    for kwargs in (DUAL, dict(peers=[dict()])):
        model = build_model(**kwargs)
        model.set_unsup_weight(0.)
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        wrapper = OptimWrapper(optimizer)
        for step in range(3):
            losses = model.loss(*build_batch(seed=step))
            wrapper.update_params(sum(losses.values()))
        states.append(model.state_dict())
    assert states[0].keys() == states[1].keys()
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


def test_plain_batches_are_supervised():
    inputs, samples = build_batch()
    model = build_model(**DUAL)
    losses = model.loss(inputs['labeled'], samples['labeled'])
    assert sorted(losses) == ['net0/loss_sup', 'net1/loss_sup']


def test_an_image_without_known_joints_costs_nothing_but_runs():
    inputs, samples = build_batch()
    samples['labels']['keypoint_weights'].zero_()
    losses = build_model(**DUAL).loss(inputs, samples)
    assert losses['net0/loss_sup'] == 0
    losses['net0/loss_sup'].backward()


def test_step_record_carries_no_gradient():
    model = build_model(**DUAL)
    model.loss(*build_batch())
    step = model.last_step
    tensors = [*step.labeled.values(), *sum(step.easy.values(), [])]
    for view in step.views:
        tensors += [view.images, view.targets, view.outputs]
    assert len(tensors) == 10
    assert not any(tensor.requires_grad for tensor in tensors)


@pytest.mark.parametrize('first', ['teacher', 'student'])
def test_a_teachers_pass_leaves_no_weights_without_gradient(first):
    """Autocast keeps cast weights, and those of a teacher have no graph."""
    model, (inputs, samples) = build_model(**DUAL), build_batch()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        for who in sorted(['teacher', 'student'], key=lambda x: x != first):
            if who == 'teacher':
                easy = model.teach(0, inputs, samples, None)[0]
            else:
                output = model.run(0, inputs['labeled'])
        loss = model.output.loss(model.head, output, easy,
                                 easy.new_ones(easy.shape[:2]))
    loss.backward()
    assert easy.dtype == torch.float32
    for part in (model.backbone, model.head):
        assert all(p.grad is not None for p in part.parameters())


def test_one_pass_has_the_losses_of_several_without_batch_statistics():
    kwargs = dict(DUAL, teacher_norm='eval')
    one, several = (
        build_model(**kwargs, one_pass=flag) for flag in (True, False))
    runs = []
    one.passes[0]._function = one.passes[0]._compiled = (
        lambda images, run=one.passes[0]._function:
        (runs.append(len(images)) or run(images)))
    for model in (one, several):
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
    found, expected = (m.loss(*build_batch()) for m in (one, several))
    assert found.keys() == expected.keys()
    for name, loss in expected.items():
        torch.testing.assert_close(found[name], loss, rtol=1e-4, atol=1e-6)
    # the easy view, then labeled and hard images together
    assert runs == [3, 6]
    assert pass_sizes(one.plan, one.one_pass, 3, 3) == ({3, 6}, {3})
    with pytest.raises(ValueError, match='one_pass and model.early_backward'):
        build_model(**DUAL, one_pass=True, early_backward=True)


def test_losses_are_ranked_among_joints_that_scores_keep():
    """Half of those that are kept, and not of all."""
    select = dict(
        type='ProductSelection',
        of=[
            dict(type='ScoreSelection', thr=0.9),
            dict(type='SmallLossSelection', keep=0.5)
        ])
    model = build_model(
        routes=[dict(student=0, teachers=[0], select=select)],
        views=[dict(source='easy')],
        warp=dict(type='HardAffine'))
    model.loss(*build_batch())
    step = model.last_step
    scores = model.output.peaks(step.easy[0][0])[1] > 0.9
    kept = step.views[0].kept > 0
    assert not (kept & ~scores).any()
    assert 0 < kept.sum() <= -(-scores.sum() // 2)


def test_networks_part_by_views_that_their_routes_use():
    views = [dict(source='easy'), *DUAL['views']]
    routes = [dict(route, views=[0]) for route in DUAL['routes']]
    assert not build_model(
        **dict(DUAL, views=views, routes=routes)).plan.views_differ
    assert build_model(**dict(DUAL, views=views)).plan.views_differ


def test_one_pass_of_shuffled_views_alone():
    shuffled = [dict(type='BlockShuffle', grid=(3, 2))]
    model = build_model(
        **dict(DUAL, views=[dict(source='easy', ops=shuffled)]),
        labeled_views=[dict(ops=shuffled)],
        one_pass=True)
    inputs, samples = build_batch()
    losses = model.loss(
        dict(inputs, labeled_uniforms=inputs['uniforms']), samples)
    assert len(losses) == 4 and all(map(torch.isfinite, losses.values()))
    assert pass_sizes(model.plan, model.one_pass, 3, 3) == (set(), {3})


def test_routes_may_name_views_teachers_targets_and_selections():
    model = build_model(
        peers=[dict()],
        teachers=dict(ema0=dict(type='EMATeacher', of=0, momentum=0.9)),
        routes=[
            dict(
                student=0,
                teachers=[1, 'ema0'],
                target=dict(type='BestPairTarget'),
                select=dict(type='ScoreSelection', thr=0.9),
                views=[1]),
            dict(student=1, teachers=['ema0'], views=[0])
        ],
        views=[dict(source='easy', warp=False),
               dict(source='easy')],
        warp=dict(type='HardAffine'))
    losses = model.loss(*build_batch())
    step = model.last_step
    assert [(x.student, x.view) for x in step.views] == [(1, 0), (0, 1)]
    assert list(step.easy) == [1, 'ema0']
    scores = [model.output.peaks(step.easy[key][0])[1] for key in step.easy]
    kept = step.views[1].kept
    assert torch.equal(kept.bool(), torch.stack(scores).mean(0) > 0.9)
    assert step.views[0].kept is None and (kept == 1).any()
    sum(losses.values()).backward()
    assert not list(model.teachers.parameters())


def test_losses_are_computed_in_float32_under_autocast():
    model = build_model(**DUAL)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(*build_batch())
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    assert model.last_step.easy[0][0].dtype == torch.float32


def test_stock_estimator_loads_the_state_and_the_reverse():
    model = build_model(**DUAL)
    stock = MODELS.build(
        copy.deepcopy(dict(BASE, type='TopdownPoseEstimator')))
    result = stock.load_state_dict(model.state_dict(), strict=False)
    assert not result.missing_keys
    assert all(k.startswith('peers.1.') for k in result.unexpected_keys)
    other = build_model(seed=1, **DUAL)
    other.load_state_dict(stock.state_dict())  # strict
    for net in other.networks:
        assert torch.equal(net.head.final_layer.weight,
                           model.head.final_layer.weight)


def test_peers_of_another_backbone_keep_their_own_weights():
    """Also where a name and a shape are the same by chance."""
    peers = [dict(backbone=dict(depth=50), head=dict(in_channels=256))]
    model = build_model(**dict(DUAL, peers=peers))
    peer = model.peers['1']
    before = {k: v.clone() for k, v in peer.state_dict().items()}
    plain = build_model(seed=3).state_dict()
    assert before['backbone.conv1.weight'].shape == \
        plain['backbone.conv1.weight'].shape
    model.load_state_dict(plain, strict=False)
    for key, value in peer.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert torch.equal(model.backbone.conv1.weight,
                       plain['backbone.conv1.weight'])


def hrnet_peer():
    """A small HRNet without deconvolutions: the same stride of 4."""
    branches = [
        dict(
            num_modules=1,
            num_branches=n,
            block='BOTTLENECK' if n == 1 else 'BASIC',
            num_blocks=(1, ) * n,
            num_channels=(8, 16, 32, 64)[:n]) for n in (1, 2, 3, 4)
    ]
    extra = {f'stage{i}': branch for i, branch in enumerate(branches, 1)}
    return dict(
        backbone=dict(_delete_=True, type='HRNet', extra=extra),
        head=dict(in_channels=8, deconv_out_channels=None))


def test_different_backbones_teach_each_other():
    model = build_model(**dict(DUAL, peers=[hrnet_peer()]))
    losses = model.loss(*build_batch())
    assert min(unsup(losses)) > 0
    sum(losses.values()).backward()
    for net in model.networks:
        assert net.head.final_layer.weight.grad.abs().sum() > 0
    out = model.eval().predict_networks(build_batch()[0]['labeled'],
                                        build_batch()[1]['labeled'])
    assert list(out) == ['net0', 'net1', 'ensemble']


def test_a_peer_may_leave_the_neck_out():
    neck = dict(type='FeatureMapProcessor', scale_factor=2., apply_relu=True)
    head = dict(BASE['head'], deconv_out_channels=(16, 16))
    head['deconv_kernel_sizes'] = (4, 4)
    peer = dict(
        neck=None,
        head=dict(
            deconv_out_channels=(16, 16, 16), deconv_kernel_sizes=(4, 4, 4)))
    model = build_model(**dict(DUAL, neck=neck, head=head, peers=[peer]))
    assert model.with_neck and not model.peers['1'].with_neck
    assert min(unsup(model.loss(*build_batch()))) > 0


def test_a_peer_of_another_stride_is_named():
    """Its decoder says one size, its layers make another."""
    peer = hrnet_peer()
    peer['head']['deconv_out_channels'] = (16, )
    peer['head']['deconv_kernel_sizes'] = (4, )
    model = build_model(**dict(DUAL, peers=[peer]))
    with pytest.raises(ValueError, match=r'model.peers\[0\] has an output'):
        model.loss(*build_batch())


@pytest.mark.parametrize('head, name', [
    (dict(decoder=dict(heatmap_size=(32, 48))), 'decoder.heatmap_size'),
    (dict(decoder=dict(type='UDPHeatmap')), 'decoder.type'),
    (dict(out_channels=6), 'out_channels'),
])
def test_peers_that_differ_name_what_to_change(head, name):
    message = rf'model.peers\[0\].head.{name} is .* Change model.peers'
    with pytest.raises(ValueError, match=message):
        build_model(**dict(DUAL, peers=[dict(head=head)]))


def test_heads_of_two_kinds_are_refused():
    head = dict(simcc_toys.BASE['RTMCCHead']['head'], _delete_=True)
    message = r'model.peers\[0\].head.type is RTMCCHead'
    with pytest.raises(ValueError, match=message):
        build_model(**dict(DUAL, peers=[dict(head=head)]))


def test_every_network_is_initialized():
    model = MODELS.build(
        copy.deepcopy(dict(BASE, type='SemiPoseEstimator', **DUAL)))
    model.init_weights()
    for net in model.networks:
        assert 5e-4 < net.head.final_layer.weight.std() < 2e-3


@pytest.mark.parametrize('flip_test', [False, True])
def test_ensemble_of_equal_networks_is_the_network(flip_test):
    model = build_model(**DUAL).eval()
    model.test_cfg['flip_test'] = flip_test
    model.peers['1'].load_state_dict({
        k: v
        for k, v in model.state_dict().items() if 'peers' not in k
    })
    inputs, samples = build_batch()
    with torch.no_grad():
        out = model.predict_networks(inputs['labeled'], samples['labeled'])
        stock = super(type(model),
                      model).predict(inputs['labeled'],
                                     copy.deepcopy(samples['labeled']))
    assert list(out) == ['net0', 'net1', 'ensemble']
    for name in out:
        for sample, expected in zip(out[name], stock):
            torch.testing.assert_close(sample.pred_instances.keypoints,
                                       expected.pred_instances.keypoints)
    assert not any('pred_instances' in s for s in samples['labeled'])


@pytest.mark.parametrize('network', [0, 1, 'ensemble'])
def test_the_named_network_predicts(network):
    model = build_model(**DUAL).eval()
    model.test_cfg.update(network=network, output_heatmaps=True)
    name = network if network == 'ensemble' else f'net{network}'
    assert model.selected_network == name
    inputs, samples = build_batch()
    with torch.no_grad():
        expected = model.predict_networks(inputs['labeled'],
                                          samples['labeled'])
        out = model.predict(inputs['labeled'], samples['labeled'])
    for a, b in zip(out, expected[name]):
        assert torch.equal(a.pred_fields.heatmaps, b.pred_fields.heatmaps)
    if network == 'ensemble':
        maps = [expected[f'net{i}'][0].pred_fields.heatmaps for i in (0, 1)]
        torch.testing.assert_close(out[0].pred_fields.heatmaps,
                                   (maps[0] + maps[1]) / 2)


@pytest.mark.parametrize('kwargs, key', [
    (dict(test_cfg=dict(network=2)), 'model.test_cfg.network'),
    (dict(teacher_norm='off'), 'model.teacher_norm'),
    (dict(sup_weight=-1.), 'model.sup_weight'),
    (dict(peers=[dict(tail=1)]), 'model.peers'),
    (dict(peers=[dict(head=dict(out_channels=6))]), r'model.peers\[0\]'),
    (dict(head=dict(BASE['head'], decoder=None)), 'model.head.decoder'),
])
def test_bad_values_name_the_key(kwargs, key):
    cfg = dict(BASE, type='SemiPoseEstimator')
    cfg.update({**DUAL, **kwargs})
    with pytest.raises(ValueError, match=key):
        MODELS.build(copy.deepcopy(cfg))


def test_heads_without_one_heatmap_are_refused():
    head = dict(
        type='RegressionHead',
        in_channels=64,
        num_joints=5,
        loss=dict(type='SmoothL1Loss'),
        decoder=dict(type='RegressionLabel', input_size=(64, 96)))
    cfg = copy.deepcopy(dict(BASE, type='SemiPoseEstimator'))
    with pytest.raises(TypeError, match='model.head.type is RegressionHead'):
        MODELS.build(dict(cfg, head=head))
    cfg['head']['loss'] = dict(type='KeypointOHKMMSELoss')
    with pytest.raises(TypeError, match='model.head.loss.type'):
        MODELS.build(cfg)


def test_golden_losses(golden):
    """The released losses are half of MMPose's, which Adam does not see."""
    values = golden('losses')
    output, head = build_model().output, torch.nn.Module()
    head.loss_module = KeypointMSELoss(use_target_weight=True)

    def loss(prediction, target, weights):
        return output.loss(
            head,
            *(torch.tensor(values[k]).double() for k in (prediction, target)),
            torch.tensor(values[weights][..., 0])).item() / 2

    def check(name, value):
        assert value == pytest.approx(float(values[name]), rel=1e-6)

    sup = [loss(f'sup{i}', 'gt', 'w_labeled') for i in (1, 2)]
    check('posedual_loss_pose', 0.5 * sup[0] + 0.5 * sup[1])
    check('posecons_loss_pose', sup[0])
    check(
        'posedual_loss_cons',
        loss('hard1', 'target2', 'w_unlabeled') +
        loss('hard2', 'target1', 'w_unlabeled'))
    check('posecons_loss_cons', loss('hard1', 'target1', 'w_unlabeled'))


def test_golden_decode(golden):
    """MMPose decodes as released but within 2 px of the border."""
    values = golden('decode_shift')
    codec = MODELS.build(copy.deepcopy(dict(
        BASE, type='SemiPoseEstimator'))).head.decoder
    heatmaps, expected = values['heatmap'], values['keypoints_heatmap_px']
    height, width = heatmaps.shape[-2:]
    codec.heatmap_size, codec.scale_factor = (width, height), 1.
    inner = (expected > 2) & (expected < [width - 3, height - 3])
    inner = inner.all(-1)
    assert inner.sum() > 5
    for maps, points, scores, check in zip(heatmaps, expected, values['score'],
                                           inner):
        keypoints, got = codec.decode(maps)
        assert abs(keypoints[0] - points)[check].max() < 1e-5
        assert abs(got[0] - scores[:, 0]).max() < 1e-6
