# Copyright (c) semipose_mm authors.
"""Tests of steps that are skipped, as something is not finite."""
import copy

import pytest
import torch
from mmengine.hooks import Hook, LoggerHook
from mmpose.registry import HOOKS, OPTIM_WRAPPERS
from toy_runner import toy_runner

from semipose_mm.engine import NonFiniteError

INF, NAN = float('inf'), float('nan')


class Net(torch.nn.Module):
    """Batch norm, whose statistics a bad image spoils."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(3)
        self.head = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.head(self.norm(x)).square().mean()


def build(fused,
          accumulate=1,
          kind='FiniteOptimWrapper',
          device='cpu',
          **kwargs):
    """A net that has taken one good step."""
    torch.manual_seed(0)
    net = Net().to(device)
    wrapper = OPTIM_WRAPPERS.build(
        dict(
            type=kind,
            accumulative_counts=accumulate,
            **kwargs,
            optimizer=torch.optim.AdamW(net.parameters(), lr=0.1,
                                        fused=fused)))
    for _ in range(accumulate):
        take(wrapper, net, torch.rand(4, 3))
    return net, wrapper


def take(wrapper, net, images, scale=1.):
    """One iteration as MMEngine does it."""
    with wrapper.optim_context(net):
        loss = net(images.to(net.head.weight.device)) * scale
    wrapper.update_params(loss)


def state(net, wrapper):
    """Parameters, buffers and what the optimizer keeps."""
    kept = wrapper.optimizer.state_dict()['state']
    return copy.deepcopy([
        *net.state_dict().values(),
        *(v for entry in kept.values() for v in entry.values())
    ])


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other))


SPOILT = torch.tensor([[NAN, 0., 0.], [1., 2., 3.]])
# their sum overflows, and so does the difference of two of them
HUGE = torch.tensor([[3e38] * 3] * 3 + [[-3e38] * 3])


@pytest.mark.parametrize('fused', [False, True])
@pytest.mark.parametrize('images, scale', [
    (SPOILT, 1.),
    (torch.rand(4, 3), INF),
    (torch.rand(4, 3), NAN),
    (HUGE, 1.),
])
@pytest.mark.parametrize(
    'precision',
    [
        dict(kind='FiniteOptimWrapper'),
        # float16 on a GPU, by a scale that the first step bears
        dict(
            kind='AnyDeviceAmpOptimWrapper', loss_scale=dict(init_scale=128.)),
    ])
def test_nothing_changes(fused, images, scale, precision, device):
    net, wrapper = build(fused, device=device, **precision)
    before = state(net, wrapper)
    take(wrapper, net, images, scale)
    assert same(before, state(net, wrapper))
    assert wrapper.read_skipped() == (1, 1, 1)
    take(wrapper, net, torch.rand(4, 3))
    assert not same(before, state(net, wrapper))
    assert all(v.isfinite().all() for v in state(net, wrapper))
    assert wrapper.read_skipped() == (0, 1, 0)


@pytest.mark.parametrize('fused', [False, True])
def test_good_steps_are_the_stock_ones(fused, device):
    states = []
    for kind in ('FiniteOptimWrapper', 'OptimWrapper'):
        net, wrapper = build(fused, kind=kind, device=device)
        take(wrapper, net, torch.rand(4, 3))
        states.append(state(net, wrapper))
    assert same(*states)


def test_a_loss_whose_gradient_is_finite():
    """An infinite constant has none."""
    net, wrapper = build(False)
    before = state(net, wrapper)
    with wrapper.optim_context(net):
        loss = net(torch.rand(4, 3)) + INF
    wrapper.update_params(loss)
    assert same(before, state(net, wrapper))


def test_accumulation():
    net, wrapper = build(False, accumulate=2)
    before = state(net, wrapper)
    take(wrapper, net, SPOILT)
    take(wrapper, net, torch.rand(4, 3))
    assert same(before, state(net, wrapper))
    assert wrapper.read_skipped().total == 1


@pytest.mark.parametrize('value', [0, -1, 1.5])
def test_mistakes(value):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=1)
    for kind in ('FiniteOptimWrapper', 'AnyDeviceAmpOptimWrapper'):
        with pytest.raises(ValueError, match='optim_wrapper.max_skipped'):
            OPTIM_WRAPPERS.build(
                dict(type=kind, optimizer=optimizer, max_skipped=value))


# ------------------------------------------------------------------ training


@HOOKS.register_module()
class SpoilHook(Hook):
    """Spoils some batches."""

    def __init__(self, iterations):
        self.iterations = iterations

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter in self.iterations:
            data_batch['inputs'][0] = NAN


def spoilt_run(work_dir, iterations, max_skipped=50):
    runner = toy_runner(
        work_dir, [dict(type='SpoilHook', iterations=iterations)],
        optim_wrapper=dict(type='FiniteOptimWrapper', max_skipped=max_skipped))
    warnings = []
    runner.logger.warning = warnings.append
    return runner, warnings


def test_training_goes_on(tmp_path):
    runner, warnings = spoilt_run(tmp_path, [2, 5, 6])
    runner.train()
    told = [text for text in warnings if 'skipped' in text]
    assert len(told) == 3 and '(3 in all, the last 2 in a row)' in told[-1]
    assert runner.iter == 12
    for value in runner.model.state_dict().values():
        assert value.isfinite().all()


def test_the_end_is_told_between_log_intervals(tmp_path):
    runner, warnings = spoilt_run(tmp_path, range(12), max_skipped=3)
    next(h for h in runner.hooks if isinstance(h, LoggerHook)).interval = 50
    with pytest.raises(NonFiniteError):
        runner.train()
    assert any('12 in all' in text for text in warnings)


@pytest.mark.parametrize('fused', [False, True])
def test_momentum_of_a_first_step_that_is_skipped(fused):
    net = Net()
    wrapper = OPTIM_WRAPPERS.build(
        dict(
            type='FiniteOptimWrapper',
            optimizer=torch.optim.SGD(
                net.parameters(), lr=1e-6, momentum=0.9, fused=fused)))
    take(wrapper, net, SPOILT)
    start = state(net, wrapper)
    take(wrapper, net, torch.rand(4, 3))
    for before, after in zip(start, state(net, wrapper)):
        if before.is_floating_point() and before.dim() != 0:
            assert (before - after).abs().max() < 1


def test_limit(tmp_path):
    runner, _ = spoilt_run(tmp_path, range(5, 12), max_skipped=3)
    with pytest.raises(NonFiniteError, match='max_skipped.*3'):
        runner.train()
    assert runner.iter == 8
    good = torch.load(tmp_path / 'iter_5.pth', weights_only=True)
    last = torch.load(tmp_path / 'iter_8.pth', weights_only=True)
    for key, value in good['state_dict'].items():
        assert torch.equal(value, last['state_dict'][key]), key


@pytest.mark.parametrize('before, after', [(True, False), (False, True)])
def test_another_implementation_goes_on(before, after):
    """As with --fast and --resume from a run without it."""
    old_net, old = build(before)
    net, wrapper = build(after)
    net.load_state_dict(old_net.state_dict())
    wrapper.load_state_dict(copy.deepcopy(old.state_dict()))
    assert wrapper.param_groups[0]['fused'] is after
    images = torch.rand(4, 3)
    for pair in ((net, wrapper), (old_net, old)):
        take(pair[1], pair[0], images)
    for key, value in old_net.state_dict().items():
        torch.testing.assert_close(net.state_dict()[key], value, msg=key)
