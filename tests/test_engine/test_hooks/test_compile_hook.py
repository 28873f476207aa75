# Copyright (c) semipose_mm authors.
"""Tests of compiled training: what is compiled when, and what comes out."""
from types import SimpleNamespace

import pytest
import torch
import toys
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from people_toys import own_config

from semipose_mm.engine.hooks import CompileHook

GRAPHS = []


@torch._dynamo.register_backend(name='noting')
def noting(graph, example_inputs):
    """A backend that compiles nothing but notes what it was given."""
    GRAPHS.append((IterationHook.iteration, torch.is_grad_enabled()))
    return graph.forward


@HOOKS.register_module()
class IterationHook(Hook):
    """Tells the iteration."""
    iteration = None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        IterationHook.iteration = runner.iter


def train(root, work_dir, hooks, **overrides):
    cfg = own_config(
        root, work_dir, **{
            'train_dataloader.batch_size': 2,
            'train_dataloader.drop_last': False,
            'train_dataloader.dataset.unlabeled.indices': 5,
            'train_cfg.max_epochs': 4,
            **overrides
        })
    cfg.custom_hooks = [
        dict(type='IterationHook'),
        dict(type='MutualTeachingHook', burn_in=4, ramp_up=4), *hooks
    ]
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    torch._dynamo.reset()
    GRAPHS.clear()
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.model


@pytest.mark.long
def test_nothing_is_compiled_twice_and_the_training_is_the_same(
        people_root, tmp_path):
    """2 batches an epoch, the last of one image; burn-in, ramp-up, after."""
    ratio = {'train_dataloader.dataset.unlabeled_ratio': 2}
    stock = train(people_root, tmp_path / 'stock', [], **ratio).state_dict()
    assert not GRAPHS
    hook = dict(type='CompileHook', backend='noting')
    compiled = train(people_root, tmp_path / 'compiled', [hook], **ratio)
    # two networks: students of labels, teachers, students of teachers, which
    # are tried in the first iteration
    expected = 4 * [(0, True)] + 2 * [(0, False)]
    assert sorted(GRAPHS) == sorted(expected)
    state = compiled.state_dict()
    assert state.keys() == stock.keys()
    for key, value in stock.items():
        torch.testing.assert_close(state[key], value, msg=key)


def test_recomputing_is_refused(people_root, tmp_path):
    with pytest.raises(ValueError, match='CompileHook.*model.recompute'):
        train(people_root, tmp_path,
              [dict(type='CompileHook', backend='noting')],
              **{'model.recompute': ['backbone.layer1']})


def test_other_models_are_refused():
    with pytest.raises(TypeError, match='SemiPoseEstimator.*Linear'):
        CompileHook().before_train(
            SimpleNamespace(model=torch.nn.Linear(1, 1)))


@pytest.mark.parametrize('mode', ['reduce-overhead', 'max-autotune'])
def test_recorded_graphs_are_refused(mode):
    with pytest.raises(ValueError, match=f'mode of CompileHook.*{mode}'):
        CompileHook(mode=mode)


def test_batches_of_any_size_are_refused():
    model = toys.build_model(**toys.DUAL)
    loader = SimpleNamespace(batch_size=None, dataset=[])
    with pytest.raises(ValueError, match='train_dataloader.batch_size'):
        CompileHook().before_train(
            SimpleNamespace(model=model, train_dataloader=loader))
