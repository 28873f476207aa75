# Copyright (c) semipose_mm authors.
"""Schedule, start and alarm, with a runner reduced to what hooks see."""
import logging
from types import SimpleNamespace

import pytest
import simcc_toys
import torch
from mmengine.hooks import LoggerHook
from mmengine.logging import MessageHub
from toys import DUAL, build_batch, build_model

from semipose_mm.engine.hooks import (MutualTeachingHook, TeacherUpdateHook,
                                      UnsupWeightHook)
from semipose_mm.engine.hooks.unsup_weight_hook import unsup_factor
from semipose_mm.engine.teaching_start import perturb_layers
from semipose_mm.engine.trial import try_teaching


def fake_runner(model, resume=False):
    return SimpleNamespace(
        model=model,
        iter=0,
        max_iters=100,
        hooks=[LoggerHook(interval=2)],
        optim_wrapper=SimpleNamespace(
            param_groups=[], should_update=lambda: True),
        logger=logging.getLogger('test_mutual_teaching'),
        train_dataloader=SimpleNamespace(batch_size=None, sampler=None),
        message_hub=MessageHub.get_instance('test_mutual_teaching'),
        train_loop=SimpleNamespace(stop_training=False),
        _resume=resume)


def equal_networks(**kwargs):
    model = build_model(**{**DUAL, **kwargs})
    model.peers['1'].load_state_dict({
        k: v
        for k, v in model.state_dict().items() if 'peers' not in k
    })
    return model


def differ(model):
    return not torch.equal(model.head.final_layer.weight,
                           model.peers['1'].head.final_layer.weight)


def test_schedule_is_a_function_of_the_iteration():
    assert [unsup_factor(i, 2, 3)
            for i in range(7)] == [0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert unsup_factor(0, 0, 0) == 1


def test_weight_follows_the_schedule_and_the_config():
    runner = fake_runner(build_model(**DUAL, unsup_weight=2.))
    hook = MutualTeachingHook(burn_in=2, ramp_up=1)
    hook.before_train(runner)
    weights, (inputs, samples) = [], build_batch()
    batch = dict(inputs=inputs, data_samples=samples)
    for runner.iter in range(5):
        hook.before_train_iter(runner, 0, batch)
        weights.append(
            (runner.model.unsup_weight.item(), runner.model.teaching_enabled))
    assert weights == [(0., False), (0., False), (1., True), (2., True),
                       (2., True)]


def test_shares_of_the_training_and_its_end_are_said(caplog):
    caplog.set_level('INFO')
    runner = fake_runner(build_model(**DUAL))
    hook = MutualTeachingHook(burn_in=0.5, ramp_up=0.1)
    hook.before_train(runner)
    assert 'until iteration 50 of 100' in caplog.text
    assert 'from 61 on' in caplog.text
    MutualTeachingHook(burn_in=100).before_train(runner)
    assert 'burn_in is 100 of 100 iterations' in caplog.text


@pytest.mark.parametrize('resumed', [False, True])
def test_teaching_begins_when_labels_are_the_limit(resumed, caplog):
    caplog.set_level('INFO')
    runner = fake_runner(build_model(**DUAL))
    runner.message_hub = MessageHub.get_instance(f'limit_{resumed}')
    inputs, samples = build_batch()
    batch, began = dict(inputs=inputs, data_samples=samples), []
    ratios = [0.2] * 6 + [2.] * 6
    hook = MutualTeachingHook(burn_in='auto')
    hook.before_train(runner)
    for runner.iter, ratio in enumerate(ratios):
        if resumed and runner.iter in (5, 11):
            runner._resume = True
            runner.message_hub.update_info('semipose_label_limit',
                                           hook.monitor.limit.state())
            hook = MutualTeachingHook(burn_in='auto')
            hook.before_train(runner)
        hook.before_train_iter(runner, 0, batch)
        began.append(runner.model.teaching_enabled)
        hook.monitor.limit.read({'net0/label_limit': ratio})
    # of five readings, three are 2
    assert began == [False] * 9 + [True] * 3
    assert 'Iteration 10: unlabeled images teach now: a hard' in caplog.text
    hook.after_train(runner)
    assert 'did not teach' not in caplog.text


def test_labels_that_are_never_the_limit_are_said(caplog):
    runner = fake_runner(build_model(**DUAL))
    runner.message_hub = MessageHub.get_instance('no_limit')
    hook = MutualTeachingHook(burn_in='auto')
    hook.before_train(runner)
    for _ in range(5):
        hook.monitor.limit.read({'net0/label_limit': 0.2})
    hook.after_train(runner)
    assert 'did not teach' not in caplog.text  # it was stopped
    runner.iter = runner.max_iters
    hook.after_train(runner)
    assert 'did not teach' in caplog.text and 'loses 0.2 times' in caplog.text


def test_a_step_is_tried_before_it_is_needed_and_leaves_no_trace():
    model, (inputs, samples) = build_model(**DUAL), build_batch()
    batch = dict(inputs=inputs, data_samples=samples)
    runner = fake_runner(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    try_teaching(model, batch, runner.optim_wrapper)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_statistics_before_teaching_leave_no_trace():
    model = build_model(**DUAL)
    model.train()
    runner = fake_runner(model)
    runner.message_hub = MessageHub.get_instance('before_teaching')
    hook = MutualTeachingHook(burn_in=50, interval=1)
    hook.before_train(runner)
    inputs, samples = build_batch()
    batch = dict(inputs=inputs, data_samples=samples)
    hook.before_train_iter(runner, 0, batch)
    model.loss(inputs, samples)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    seen = torch.get_rng_state()
    hook.after_train_iter(runner, 0, batch)
    logged = runner.message_hub.log_scalars
    assert 'train/net1/peak_unlabeled' in logged
    for name in ('net0/easy_hard_agreement', 'agreement/net0_net1'):
        assert 0 <= logged[f'train/{name}'].current() <= 1
    # there is no unlabeled loss yet
    assert not any('unsup' in name for name in logged)
    kept = runner.message_hub.runtime_info['semipose_label_limit']
    assert kept == [
        logged['train/net0/label_limit'].current() / 2 +
        logged['train/net1/label_limit'].current() / 2
    ]
    assert not model.teaching_enabled and model.unsup_weight == 0
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert torch.equal(torch.get_rng_state(), seen)
    assert all(p.grad is None for p in model.parameters())


def test_what_a_batch_lacks_is_said_in_the_first_iteration():
    model, (inputs, samples) = build_model(
        **dict(DUAL, views=[dict(source='photo')])), build_batch()
    batch = dict(inputs=inputs, data_samples=samples)
    runner, hook = fake_runner(model), MutualTeachingHook(burn_in=50)
    hook.before_train(runner)
    with pytest.raises(KeyError, match=r'model.views\[0\].source'):
        hook.before_train_iter(runner, 0, batch)


@pytest.mark.parametrize('key', ['views', 'labeled_views'])
def test_a_last_batch_of_one_has_no_donor(key):
    view = dict(ops=[dict(type='MixUp')])
    views = dict(views=[dict(view, source='easy')], labeled_views=[view])
    model = build_model(**dict(DUAL, **{key: views[key]}))
    runner, loader = fake_runner(model), dict(
        batch_size=4, sampler=range(9), dataset=[])
    runner.train_dataloader = SimpleNamespace(**loader, drop_last=True)
    MutualTeachingHook().before_train(runner)
    runner.train_dataloader.drop_last = False
    with pytest.raises(ValueError, match=f'model.{key} .*drop_last=True'):
        MutualTeachingHook().before_train(runner)


def test_a_view_without_difficulty_is_said(caplog):
    model = build_model(
        **dict(DUAL, warp=None, views=[*DUAL['views'],
                                       dict(source='easy')]))
    MutualTeachingHook().before_train(fake_runner(model))
    assert 'model.views[1] is the easy view' in caplog.text
    assert 'model.views[0] is' not in caplog.text


@pytest.mark.parametrize('accumulated, iteration, weight, warned', [
    (1, 0, 1., ['first']),
    (4, 3, 1., ['first']),
    (1, 0, 0., []),
    (1, 1, 1., []),
])
def test_a_teacher_of_first_weights_is_warned_of(caplog, accumulated,
                                                 iteration, weight, warned):
    average = dict(type='EMATeacher', of=0, windows=10)
    runner = fake_runner(
        build_model(**dict(
            DUAL,
            teachers=dict(
                first=dict(average, until_teaching=True), ema=average))))
    hook = MutualTeachingHook()
    hook.before_train(runner)
    runner.iter = iteration
    runner.optim_wrapper._accumulative_counts = accumulated
    runner.model.set_unsup_weight(weight)
    hook.teachers.after_train_iter(runner, 0)
    assert [
        r.getMessage().split()[0] for r in caplog.records
        if 'from the first step on' in r.getMessage()
    ] == [f'model.teachers.{name}' for name in warned]


@pytest.mark.parametrize('order', [1, -1])
def test_a_teacher_follows_until_teaching_in_any_order_of_hooks(order):
    model = build_model(**dict(
        DUAL,
        teachers=dict(
            stays=dict(
                type='EMATeacher',
                of=0,
                momentum=0.5,
                warm_up=False,
                until_teaching=True))))
    runner = fake_runner(model)
    hooks = [UnsupWeightHook(burn_in=2), TeacherUpdateHook()][::order]
    for hook in hooks:
        hook.before_train(runner)
    runner.optim_wrapper._accumulative_counts = 1
    weight, steps = 'backbone.conv1.weight', []
    batch = dict(zip(('inputs', 'data_samples'), build_batch()))
    for runner.iter in range(4):
        for hook in hooks:
            hook.before_train_iter(runner, 0, batch)
        with torch.no_grad():
            model.networks[0].get_parameter(weight).add_(1.)
        for hook in hooks:
            hook.after_train_iter(runner, 0)
        steps.append(model.network('stays').get_buffer(weight).clone())
    assert not torch.equal(steps[0], steps[1])
    assert torch.equal(steps[1], steps[2])
    assert torch.equal(steps[2], steps[3])


def test_equal_networks_are_found_in_all_pairs():
    """Networks 1 and 2, which network 0 does not equal."""
    routes = [dict(student=i, teachers=[0]) for i in (1, 2)]
    model = build_model(
        peers=[dict(), dict()],
        routes=routes,
        views=[dict(source='easy')],
        warp=dict(type='HardAffine'))
    model.peers['2'].load_state_dict(model.peers['1'].state_dict())
    MutualTeachingHook().before_train(fake_runner(model))
    last = [model.peers[n].head.final_layer.weight for n in '12']
    assert not torch.equal(*last)


def test_equal_networks_part_by_their_own_cutouts():
    model = equal_networks()
    MutualTeachingHook().before_train(fake_runner(model))
    assert not differ(model)


def test_equal_networks_with_shared_views_are_perturbed():
    model = equal_networks(views=[dict(source='easy', ops=[])])
    backbone = model.peers['1'].backbone.conv1.weight.clone()
    MutualTeachingHook().before_train(fake_runner(model))
    assert differ(model)
    assert torch.equal(model.peers['1'].backbone.conv1.weight, backbone)


def test_nothing_is_perturbed_on_resume():
    model = equal_networks(views=[dict(source='easy', ops=[])])
    MutualTeachingHook().before_train(fake_runner(model, resume=True))
    assert not differ(model)


def test_perturbation_is_the_same_on_every_rank():
    a, b = equal_networks(), equal_networks()
    torch.manual_seed(5)
    perturb_layers([a.peers['1'].head.final_layer], 1)
    torch.manual_seed(6)
    perturb_layers([b.peers['1'].head.final_layer], 1)
    assert torch.equal(a.peers['1'].head.final_layer.weight,
                       b.peers['1'].head.final_layer.weight)


@pytest.mark.parametrize('head_type', simcc_toys.HEADS)
def test_final_layers_of_simcc_heads_are_perturbed(head_type):
    views = [dict(source='easy', ops=[])]
    model = simcc_toys.build_model(head_type,
                                   **dict(simcc_toys.DUAL, views=views))
    plain = {k: v for k, v in model.state_dict().items() if 'peers' not in k}
    model.peers['1'].load_state_dict(plain)
    MutualTeachingHook().before_train(fake_runner(model))
    parted = {
        k.split('.')[1]
        for k, v in model.peers['1'].state_dict().items()
        if not torch.equal(v, plain[k])
    }
    assert parted in ({'cls_x', 'cls_y'}, {'mlp_head_x', 'mlp_head_y'})


def test_statistics_leave_at_log_intervals_only():
    runner = fake_runner(build_model(**DUAL))
    hook = MutualTeachingHook()
    hook.before_train(runner)
    runner.model.loss(*build_batch())
    # of the training, as an epoch may be shorter
    hook.after_train_iter(runner, 1)
    assert 'train/net0/peak_hard' not in runner.message_hub.log_scalars
    runner.iter = 1
    hook.after_train_iter(runner, 0)
    value = runner.message_hub.get_scalar('train/net0/peak_hard').current()
    expected = runner.model.last_step.views[0].outputs
    assert value == pytest.approx(expected.flatten(2).amax(-1).mean().item())


@pytest.mark.parametrize('on_collapse', ['warn', 'stop'])
def test_collapse_warns_or_stops(on_collapse, caplog):
    runner = fake_runner(build_model(**DUAL))
    hook = MutualTeachingHook(
        on_collapse=on_collapse, interval=1, alarm=dict(patience=2))
    hook.before_train(runner)
    runner.model.loss(*build_batch())
    for maps in runner.model.last_step.labeled.values():
        maps.fill_(0.9)
    for maps, in runner.model.last_step.easy.values():
        maps.fill_(0.01)
    for i in range(2):
        assert not runner.train_loop.stop_training
        hook.after_train_iter(runner, i)
    assert 'Collapse at iteration 1: net0 collapses' in caplog.text
    assert runner.train_loop.stop_training == (on_collapse == 'stop')


def test_a_burn_in_arms_the_alarm(caplog):
    """Peaks may fall on labeled images, too, as soon as teaching begins."""
    runner = fake_runner(build_model(**DUAL))
    hook = MutualTeachingHook(burn_in=1, interval=1, alarm=dict(patience=1))
    hook.before_train(runner)
    inputs, samples = build_batch()
    batch = dict(inputs=inputs, data_samples=samples)
    for runner.iter, peak in enumerate((0.8, 0.15)):
        hook.before_train_iter(runner, 0, batch)
        hook.monitor.alarm.arm_peak = -9. if peak > 0.5 else 0.2
        runner.model.loss(inputs, samples)
        for maps in runner.model.last_step.labeled.values():
            maps.fill_(peak)
        for maps, in runner.model.last_step.easy.values():
            maps.fill_(0.)
        hook.after_train_iter(runner, 0, batch)
        assert ('collapses' in caplog.text) == bool(runner.iter)


@pytest.mark.parametrize('resumed', [True, False])
def test_the_alarm_is_resumed(resumed, caplog):
    """What one run has heard counts in the next, if it goes on from it."""
    runner = fake_runner(build_model(**DUAL))
    runner.model.loss(*build_batch())
    for maps in runner.model.last_step.labeled.values():
        maps.fill_(0.9)
    for maps, in runner.model.last_step.easy.values():
        maps.fill_(0.01)
    runner._resume = False
    for i in range(2):
        hook = MutualTeachingHook(interval=1, alarm=dict(patience=2))
        hook.before_train(runner)
        hook.after_train_iter(runner, i)
        runner._resume = resumed
    assert ('net0 collapses' in caplog.text) is resumed


def test_bad_values_and_models_name_the_hook():
    with pytest.raises(ValueError, match='custom_hooks: burn_in'):
        MutualTeachingHook(burn_in=-1)
    with pytest.raises(ValueError, match='on_collapse'):
        MutualTeachingHook(on_collapse='ignore')
    with pytest.raises(TypeError, match='SemiPoseEstimator'):
        MutualTeachingHook().before_train(fake_runner(torch.nn.Linear(1, 1)))
