# Copyright (c) semipose_mm authors.
"""Trainings with teachers that are not trained: each step, and a resume."""
import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS, MODELS
from people_toys import own_config
from toy_runner import Killed

from semipose_mm.models.networks import own_state

TEACHERS = dict(
    ema0=dict(type='EMATeacher', of=0, momentum=0.75, norm='train'),
    snap1=dict(type='SnapshotTeacher', of=1, every=1),
    old0=dict(type='SnapshotTeacher', of=0, every='epoch'))
ROUTES = [
    dict(student=0, teachers=['snap1', 'old0']),
    dict(student=1, teachers=['ema0'])
]
NO_VALIDATION = dict(val_cfg=None, val_dataloader=None, val_evaluator=None)


@HOOKS.register_module()
class StatesHook(Hook):
    """Keeps the state of all networks after each iteration."""

    priority = 'LOW'

    def __init__(self):
        self.states, self.epochs = [], []

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        self.states.append(copy.deepcopy(runner.model.state_dict()))

    def after_train_epoch(self, runner):
        self.epochs.append(copy.deepcopy(runner.model.state_dict()))


def build(root, work_dir, hooks=(), teachers=TEACHERS, **overrides):
    """The runner of two epochs of two iterations."""
    cfg = own_config(
        root, work_dir, **{
            'model.teachers': copy.deepcopy(teachers),
            'train_cfg.max_epochs': 2,
            'default_hooks.checkpoint': dict(save_best=None),
            **NO_VALIDATION,
            **overrides
        })
    cfg.model.routes = copy.deepcopy(ROUTES)
    cfg.custom_hooks = [
        dict(type='MutualTeachingHook'),
        dict(type='StatesHook'), *hooks
    ]
    # several runs may share a folder
    cfg.experiment_name += str(np.random.SeedSequence().entropy)
    cfg.visualizer.name = cfg.experiment_name
    return Runner.from_cfg(cfg)


def train(*args, **kwargs):
    runner = build(*args, **kwargs)
    try:
        runner.train()
    except Killed:
        pass
    return runner


def hook_of(runner, name):
    return next(h for h in runner.hooks if type(h).__name__ == name)


def states(runner):
    return hook_of(runner, 'StatesHook')


def part(state, name):
    """State of a network within a state dict, by 'teachers.ema0' or so."""
    return {
        key[len(name) + 1:]: value
        for key, value in state.items() if key.startswith(f'{name}.')
    }


def net0(state):
    return {
        k: v
        for k, v in state.items()
        if k.partition('.')[0] in ('backbone', 'neck', 'head')
    }


def assert_equal(one, other):
    assert set(one) == set(other) and one
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


def assert_not_trained(runner):
    """No optimizer knows the weights of a teacher."""
    held = {
        id(p)
        for group in runner.optim_wrapper.optimizer.param_groups
        for p in group['params']
    }
    model = runner.model
    assert held == {id(p) for p in model.parameters()}
    students = sum(
        len(list(n.backbone.parameters())) + len(list(n.head.parameters()))
        for n in model.networks)
    assert len(held) == students


def test_teachers_follow_after_each_step(people_root, tmp_path):
    runner = train(people_root, tmp_path)
    seen = states(runner)
    for i, state in enumerate(seen.states):
        assert_equal(part(state, 'teachers.snap1'), part(state, 'peers.1'))
        before = seen.states[i - 1]
        own = part(state, 'teachers.ema0')
        weights = runner.model.network('ema0').weight_names
        for key in weights:
            # the first step forgets the start
            kept = min(0.75, i / (i + 1))
            earlier = before[f'teachers.ema0.{key}'] if i else 0
            expected = kept * earlier + (1 - kept) * state[key]
            torch.testing.assert_close(own[key], expected, msg=key)
        # the student it was when the epoch began
        old = part(state, 'teachers.old0')
        if i >= 2:
            assert_equal(old, net0(seen.states[1]))
    for state in seen.epochs:
        assert_equal(part(state, 'teachers.old0'), net0(state))
    assert not torch.equal(
        seen.states[0]['teachers.old0.head.final_layer'
                       '.weight'], seen.states[0]['head.final_layer.weight'])
    assert_not_trained(runner)


def test_an_average_that_stays_once_it_teaches(people_root, tmp_path):
    average = dict(type='EMATeacher', of=0, momentum=0.75)
    runner = build(
        people_root,
        tmp_path,
        teachers=dict(
            TEACHERS, goes=average, stays=dict(average, until_teaching=True)))
    hook = hook_of(runner, 'MutualTeachingHook')
    hook.schedule.burn_in = 2
    runner.train()
    goes, stays = ([
        part(state, f'teachers.{name}') for state in states(runner).states
    ] for name in ('goes', 'stays'))
    for i in range(4):
        assert_equal(stays[i], goes[min(i, 1)])
    key = 'head.final_layer.weight'
    assert not torch.equal(goes[2][key], goes[1][key])
    assert 'goes' in runner.model.scored_networks
    assert 'stays' not in runner.model.scored_networks


def test_a_training_begins_with_teachers_that_equal_students(
        people_root, tmp_path):
    runner = build(people_root, tmp_path)
    runner.load_or_resume()
    runner._init_model_weights()
    runner.train_loop  # noqa: B018, builds the optimizer, too
    hook = hook_of(runner, 'MutualTeachingHook')
    hook.teachers.before_train(runner)
    for name, number in (('ema0', 0), ('snap1', 1), ('old0', 0)):
        assert_equal(
            runner.model.network(name).state_dict(),
            own_state(runner.model.networks[number]))


@pytest.mark.parametrize('iteration', [1, 2, 3])
def test_resume_is_exact(people_root, tmp_path, iteration):
    """Within an epoch and at its end, with optimizer and statistics."""
    every = {
        'default_hooks.checkpoint':
        dict(interval=iteration, by_epoch=False, save_best=None)
    }
    whole = train(people_root, tmp_path / 'whole', **every)
    hooks = [dict(type='KillHook', iteration=iteration)]
    train(people_root, tmp_path / 'cut', hooks, **every)
    torch.manual_seed(77)
    resumed = train(people_root, tmp_path / 'cut', resume=True, **every)
    assert resumed.iter == whole.iter == 4
    assert len(states(resumed).states) == 4 - iteration
    assert_equal(whole.model.state_dict(), resumed.model.state_dict())
    assert any('teachers.ema0.backbone.bn1.running_var' in k
               for k in whole.model.state_dict())
    for one, other in zip(
            whole.optim_wrapper.optimizer.state_dict()['state'].values(),
            resumed.optim_wrapper.optimizer.state_dict()['state'].values()):
        assert_equal(one, other)


def test_gradients_that_are_accumulated(people_root, tmp_path):
    """Teachers follow the optimizer's steps, not iterations."""
    teachers = dict(
        ema0=dict(type='EMATeacher', of=0, windows=1),
        snap1=dict(type='SnapshotTeacher', of=1, every=2),
        old0=TEACHERS['old0'])
    runner = train(
        people_root,
        tmp_path,
        teachers=teachers,
        **{'optim_wrapper.accumulative_counts': 2})
    first, *_, last = seen = states(runner).states
    weights = runner.model.network('ema0').weight_names
    for key in weights:
        # two steps: none is kept at first, then 1 - 1 / 2
        assert torch.equal(seen[1][f'teachers.ema0.{key}'], seen[1][key])
        torch.testing.assert_close(last[f'teachers.ema0.{key}'],
                                   (seen[1][key] + last[key]) / 2)
    # not before the second step
    assert_equal(
        part(seen[2], 'teachers.snap1'), part(first, 'teachers.snap1'))
    assert_equal(part(last, 'teachers.snap1'), part(last, 'peers.1'))


GRAPHS = []


@torch._dynamo.register_backend(name='noting_teachers')
def noting_teachers(graph, example_inputs):
    """A backend that compiles nothing but notes what it was given."""
    GRAPHS.append(torch.is_grad_enabled())
    return graph.forward


@pytest.fixture(scope='module')
def frozen_files(people_root, tmp_path_factory):
    """A plain network, built otherwise, for a FrozenTeacher."""
    folder = tmp_path_factory.mktemp('frozen')
    cfg = own_config(people_root, folder, 'supervised')
    cfg.model.head.deconv_out_channels = (16, 16, 8)
    model = {
        k: cfg.model[k]
        for k in ('data_preprocessor', 'backbone', 'head', 'test_cfg')
    }
    plain = Config(dict(model=dict(model, type='TopdownPoseEstimator')))
    plain.dump(str(folder / 'big.py'))
    torch.manual_seed(3)
    net = MODELS.build(plain.model)
    torch.save(net.state_dict(), folder / 'big.pth')
    return dict(
        type='FrozenTeacher',
        config=str(folder / 'big.py'),
        checkpoint=str(folder / 'big.pth'))


def test_compiled_teachers(people_root, tmp_path, frozen_files):
    """Those that follow and those that are read, each once."""
    teachers = dict(TEACHERS, old0=frozen_files)
    stock = train(people_root, tmp_path / 'stock', teachers=teachers)
    torch._dynamo.reset()
    compiled = train(
        people_root,
        tmp_path / 'compiled',
        [dict(type='CompileHook', backend='noting_teachers')],
        teachers=teachers)
    # students of labels and of unlabeled images are of one size
    assert sorted(GRAPHS) == [False] * 3 + [True] * 2
    assert set(compiled.model.passes) == {0, 1, *teachers}
    state = compiled.model.state_dict()
    for key, value in stock.model.state_dict().items():
        torch.testing.assert_close(state[key], value, msg=key)


def test_channels_last(people_root, tmp_path):
    """Whichever hook comes first."""
    stock = train(people_root, tmp_path / 'stock').model.state_dict()
    last = train(people_root, tmp_path / 'last',
                 [dict(type='ChannelsLastHook')])
    state = last.model.state_dict()
    for key, value in stock.items():
        assert torch.allclose(value, state[key], rtol=1e-3, atol=2e-3), key
    weight = state['teachers.snap1.backbone.layer1.0.conv1.weight']
    assert weight.is_contiguous(memory_format=torch.channels_last)
    # not those that the hook has replaced
    for seen in states(last).states:
        assert_equal(part(seen, 'teachers.snap1'), part(seen, 'peers.1'))
    assert_not_trained(last)


def test_mixed_precision(people_root, tmp_path):
    """Weights of teachers stay in float32."""
    runner = train(
        people_root, tmp_path, **{
            'train_cfg.max_epochs': 1,
            'optim_wrapper.type': 'AnyDeviceAmpOptimWrapper',
            'optim_wrapper.dtype': 'bfloat16'
        })
    state = runner.model.state_dict()
    assert all(v.dtype in (torch.float32, torch.int64) for v in state.values())
    assert_equal(part(state, 'teachers.snap1'), part(state, 'peers.1'))
    assert all(v.isfinite().all() for v in state.values())
    assert_not_trained(runner)
