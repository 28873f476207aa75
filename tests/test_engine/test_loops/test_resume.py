# Copyright (c) semipose_mm authors.
"""Resuming with the real estimator, dataset and worker processes."""
import pytest
import torch
from mmengine.runner import Runner
from people_toys import own_config
from toy_runner import Killed

# 2 epochs of 4 iterations; teaching starts in the second one, at part of its
# weight until the sixth
SCHEDULE = {
    'train_dataloader.dataset.unlabeled.indices': 8,
    'train_cfg.max_epochs': 2,
    'default_hooks.checkpoint':
    dict(interval=5, by_epoch=False, save_best=None),
    'val_cfg': None,
    'val_dataloader': None,
    'val_evaluator': None,
}
HOOKS = [
    dict(type='MutualTeachingHook', burn_in=1, ramp_up=4),
]


def train(root, work_dir, name, hooks=(), **overrides):
    """Train with two worker processes and return the runner."""
    cfg = own_config(
        root, work_dir, custom_hooks=[*HOOKS, *hooks], **SCHEDULE, **overrides)
    cfg.train_dataloader.update(num_workers=2, persistent_workers=False)
    cfg.experiment_name = cfg.visualizer.name = name
    runner = Runner.from_cfg(cfg)
    try:
        runner.train()
    except Killed:
        pass
    return runner


def flat(state, prefix=''):
    """Every leaf of nested dicts and lists under its path."""
    if isinstance(state, (dict, list, tuple)):
        items = state.items() if isinstance(state, dict) else enumerate(state)
        for key, value in items:
            yield from flat(value, f'{prefix}/{key}')
    else:
        yield prefix, state


@pytest.fixture(scope='module')
def runs(people_root, tmp_path_factory, device):
    """A run without interruption and one that was killed and resumed."""
    folder = tmp_path_factory.mktemp('resume')
    whole = train(people_root, folder / 'whole', 'whole')
    assert next(whole.model.parameters()).device.type == device
    # two iterations are lost: the checkpoint is of iteration 5
    killed = train(people_root, folder / 'cut', 'killed',
                   [dict(type='KillHook', iteration=7)])
    assert (killed.iter, killed.epoch) == (6, 1)
    # with other global random numbers than the first time
    torch.manual_seed(77)
    resumed = train(
        people_root,
        folder / 'cut',
        'resumed',
        resume=True,
        randomness=dict(seed=None))
    return whole, resumed


def test_position(runs):
    for runner in runs:
        assert (runner.iter, runner.epoch) == (8, 2)


def test_weights_and_buffers(runs):
    whole, resumed = (runner.model.state_dict() for runner in runs)
    assert list(whole) == list(resumed)
    assert any(key.startswith('peers.1.') for key in whole)
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


def test_optimizer_and_schedulers(runs):
    whole, resumed = (
        dict(
            flat([
                runner.optim_wrapper.state_dict(),
                [s.state_dict() for s in runner.param_schedulers]
            ])) for runner in runs)
    assert list(whole) == list(resumed)
    assert any('exp_avg_sq' in key for key in whole)
    for key, value in whole.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, resumed[key]), key
        else:
            assert value == resumed[key], key


def test_losses(runs):
    whole, resumed = (
        runner.message_hub.get_scalar('train/net1/loss_unsup').data[0]
        for runner in runs)
    assert len(whole) > 3
    # what came before is in the checkpoint
    assert list(whole) == list(resumed)
