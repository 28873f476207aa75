# Copyright (c) semipose_mm authors.
"""Tests of mixed precision on any device."""
import copy

import pytest
import torch
from mmengine.device import get_device
from mmpose.registry import OPTIM_WRAPPERS
from toy_runner import toy_runner

from semipose_mm.engine import AnyDeviceAmpOptimWrapper

cpu_only = pytest.mark.skipif(
    get_device() != 'cpu', reason='the wrapper is the stock one here')


def build(model, **kwargs):
    """The wrapper as the runner builds it."""
    return OPTIM_WRAPPERS.build(
        dict(
            type='AnyDeviceAmpOptimWrapper',
            optimizer=torch.optim.SGD(model.parameters(), lr=0.5),
            **kwargs))


@cpu_only
@pytest.mark.parametrize('dtype', [None, 'bfloat16', torch.bfloat16])
def test_bfloat16_on_cpu(dtype):
    model = torch.nn.Linear(3, 2)
    wrapper = build(model, dtype=dtype)
    with wrapper.optim_context(model):
        out = model(torch.rand(4, 3))
    assert out.dtype == torch.bfloat16
    assert model(torch.rand(4, 3)).dtype == torch.float32
    assert not wrapper.loss_scaler.is_enabled()


@cpu_only
@pytest.mark.parametrize('dtype', ['float16', torch.float16, 'float32'])
def test_other_precisions_on_cpu(dtype):
    with pytest.raises(ValueError, match='optim_wrapper.dtype.*bfloat16'):
        build(torch.nn.Linear(1, 1), dtype=dtype)


@cpu_only
def test_fsdp_on_cpu():
    with pytest.raises(ValueError, match='use_fsdp'):
        build(torch.nn.Linear(1, 1), use_fsdp=True)


@cpu_only
def test_accumulation_and_clipping():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    reference = copy.deepcopy(model)
    wrapper = build(
        model, accumulative_counts=2, clip_grad=dict(max_norm=0.01))
    wrapper.initialize_count_status(model, 0, 4)
    batches = torch.rand(2, 4, 3)
    start = reference.weight.detach().clone()

    for i, batch in enumerate(batches):
        with wrapper.optim_context(model):
            loss = model(batch).float().square().mean()
        wrapper.update_params(loss)
        if i == 0:
            assert torch.equal(model.weight, start)

    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = [reference(b).float().square().mean() for b in batches]
    (sum(losses) / 2).backward()
    norm = torch.nn.utils.clip_grad_norm_(reference.parameters(), 0.01)
    assert norm > 0.01
    expected = start - 0.5 * reference.weight.grad
    assert torch.allclose(model.weight, expected, rtol=0, atol=1e-5)
    assert not torch.allclose(model.weight, start, rtol=0, atol=1e-4)
    assert model.weight.grad is None


@cpu_only
def test_training_and_resuming(tmp_path):
    optim_wrapper = dict(
        type='AnyDeviceAmpOptimWrapper', accumulative_counts=2)
    runner = toy_runner(tmp_path, optim_wrapper=optim_wrapper)
    runner.train()
    assert isinstance(runner.optim_wrapper, AnyDeviceAmpOptimWrapper)
    resumed = toy_runner(
        tmp_path / 'resumed',
        optim_wrapper=optim_wrapper,
        resume=True,
        load_from=str(tmp_path / 'iter_8.pth'))
    resumed.train()
    for key, value in runner.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[key], value), key


def test_state_of_a_cpu_run_loads_anywhere():
    model = torch.nn.Linear(1, 1)
    wrapper = build(model)
    state = wrapper.state_dict()
    state['loss_scaler'] = {}

    class Scaler:
        """Refuses what an enabled GradScaler refuses."""

        def load_state_dict(self, state):
            raise RuntimeError('The source state dict is empty')

    wrapper.loss_scaler = Scaler()
    wrapper.load_state_dict(state)


@pytest.mark.gpu
@pytest.mark.parametrize('dtype, scaled', [('bfloat16', False),
                                           ('float16', True)])
def test_only_float16_is_scaled(dtype, scaled):
    """A scale that nothing stops would leave the range of bfloat16."""
    model = torch.nn.Linear(3, 2).cuda()
    assert build(model, dtype=dtype).loss_scaler.is_enabled() == scaled
