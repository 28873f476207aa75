# Copyright (c) semipose_mm authors.
"""Less memory, the same gradients and statistics."""
import importlib
from pathlib import Path

import pytest
import simcc_toys
import torch
import toys

BUILDERS = dict(
    heatmap=(toys.build_model, toys.build_batch),
    simcc=(lambda **kwargs: simcc_toys.build_model('RTMCCHead', **kwargs),
           simcc_toys.build_batch))


@pytest.fixture
def saved_bytes(monkeypatch):
    """The counter that the benchmark of the step has."""
    root = Path(__file__).resolve().parents[2]
    monkeypatch.syspath_prepend(root / 'tools' / 'benchmarks')
    return importlib.import_module('saved_bytes').SavedBytes


def step(counter, kind='heatmap', autocast=False, **kwargs):
    """Gradients, buffers, losses and peak of a step."""
    build, batch = BUILDERS[kind]
    model = build(**dict(toys.DUAL, **kwargs))
    with counter() as saved:
        with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
            losses = model.loss(*batch())
    # as a loss scaler or accumulation does
    (2 * sum(losses.values())).backward()
    grads = {k: p.grad for k, p in model.named_parameters()}
    assert all(grad is not None for grad in grads.values())
    return grads, dict(model.named_buffers()), losses, saved.peak


def assert_same(found, expected, **kwargs):
    for part, other in zip(found[:3], expected[:3]):
        assert part.keys() == other.keys()
        for key, value in other.items():
            torch.testing.assert_close(part[key], value, msg=key, **kwargs)


@pytest.mark.parametrize('kind', BUILDERS)
@pytest.mark.parametrize('autocast', [False, True])
def test_early_backward_has_the_gradients_of_one_backward(
        saved_bytes, kind, autocast):
    plain = step(saved_bytes, kind, autocast)
    early = step(saved_bytes, kind, autocast, early_backward=True)
    if autocast:
        # in bfloat16 passes share a cast weight, and with it rounded sums
        for key, grad in plain[0].items():
            error = (early[0][key] - grad).norm()
            assert error <= 0.02 * grad.norm(), key
    else:
        # sums of the same terms in another order
        assert_same(early, plain, rtol=1e-4, atol=1e-6)
    # four passes with gradient, of which one at a time is held
    assert early[3] < 0.35 * plain[3]


@pytest.mark.parametrize('early', [False, True])
def test_recomputed_modules_leave_everything_as_it_is(saved_bytes, early):
    plain = step(saved_bytes)
    names = ['backbone.layer1', 'backbone.layer2', 'backbone.layer3']
    found = step(saved_bytes, recompute=names, early_backward=early)
    assert_same(found, plain, rtol=1e-4, atol=1e-6)
    assert found[3] < 0.75 * plain[3]
    for key, value in plain[1].items():
        assert torch.equal(found[1][key], value), key


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ValueError, match='model.recompute.*stage9.*layer1'):
        toys.build_model(**toys.DUAL, recompute=['backbone.stage9'])


def test_float16_is_refused(monkeypatch):
    model = toys.build_model(**toys.DUAL, early_backward=True)
    with torch.autocast('cpu', torch.float16):
        with pytest.raises(ValueError, match='early_backward.*bfloat16'):
            model.loss(*toys.build_batch())
