# Copyright (c) semipose_mm authors.
"""Less memory, the same gradients and statistics."""
import copy
import importlib

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
    return importlib.import_module('saved_bytes').SavedBytes


def step(counter, device, kind='heatmap', autocast=False, **kwargs):
    """Gradients, buffers, losses and peak of a step."""
    build, batch = BUILDERS[kind]
    model = build(**dict(toys.DUAL, **kwargs)).to(device)
    inputs = toys.to_device(batch(num_uniforms=128), device)
    with counter() as saved:
        with torch.autocast(device, torch.bfloat16, enabled=autocast):
            losses = model.loss(*inputs)
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
        saved_bytes, kind, autocast, device):
    plain = step(saved_bytes, device, kind, autocast)
    early = step(saved_bytes, device, kind, autocast, early_backward=True)
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


def test_four_views_need_no_more_than_one_without(saved_bytes, device):
    plain = step(saved_bytes, device)
    four = step(
        saved_bytes,
        device,
        views=toys.DUAL['views'] * 4,
        share_warp=True,
        early_backward=True)
    assert four[3] < plain[3]


@pytest.mark.parametrize('early', [False, True])
def test_recomputed_modules_leave_everything_as_it_is(saved_bytes, early,
                                                      device):
    plain = step(saved_bytes, device)
    names = ['backbone.layer1', 'backbone.layer2', 'backbone.layer3']
    found = step(saved_bytes, device, recompute=names, early_backward=early)
    assert_same(found, plain, rtol=1e-4, atol=1e-6)
    assert found[3] < 0.75 * plain[3]
    for key, value in plain[1].items():
        assert torch.equal(found[1][key], value), key


def hrnet(**kwargs):
    """Two small HRNets, whose modules write into the list they are given."""
    widths = dict(zip(range(2, 5), ((4, 8), (4, 8, 16), (4, 8, 16, 32))))
    stages = {
        f'stage{i}':
        dict(
            num_modules=1,
            num_branches=i,
            block='BASIC',
            num_blocks=(1, ) * i,
            num_channels=widths[i])
        for i in widths
    }
    stages['stage1'] = dict(
        num_modules=1,
        num_branches=1,
        block='BOTTLENECK',
        num_blocks=(1, ),
        num_channels=(16, ))
    head = dict(toys.BASE['head'], in_channels=4, deconv_out_channels=None)
    backbone = dict(type='HRNet', extra=stages)
    return toys.build_model(
        **dict(toys.DUAL, backbone=backbone, head=head, **kwargs))


def test_modules_that_change_their_arguments():
    gradients, losses = [], []
    names = [f'backbone.stage{i}' for i in (2, 3, 4)]
    for recompute in ((), names):
        model = hrnet(recompute=recompute)
        found = model.loss(*toys.build_batch())
        sum(found.values()).backward()
        losses.append(found)
        gradients.append({k: p.grad for k, p in model.named_parameters()})
    assert losses[0] == losses[1]
    for name, grad in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], grad, msg=name)


def zeroed_copy(model):
    other = copy.deepcopy(model)
    for param in other.parameters():
        param.data.zero_()
    return other


def test_a_copy_runs_its_own_weights():
    model = toys.build_model(**toys.DUAL, recompute=['backbone.layer1'])
    features = torch.rand(1, 8, 4, 4)
    # what is left of residual blocks
    assert torch.equal(zeroed_copy(model).backbone.layer1(features), features)
    model = toys.build_model(**toys.DUAL)
    model.passes[0].compile({3}, {3}, backend='eager')
    images = toys.build_batch()[0]['labeled']
    assert not zeroed_copy(model).passes[0](images).any()
    assert model.passes[0](images).any()


def test_a_loss_of_a_validation():
    model = toys.build_model(**toys.DUAL, early_backward=True)
    with torch.no_grad():
        losses = model.loss(*toys.build_batch())
    assert not any(loss.requires_grad for loss in losses.values())


def test_known_gradients_are_freed_with_the_pass():
    model = toys.build_model(**toys.DUAL, early_backward=True)
    losses = model.loss(*toys.build_batch())
    total = sum(losses.values())
    nodes = [loss.grad_fn for loss in losses.values()]
    total.backward()
    held = [node for node in nodes if getattr(node, 'grads', None)]
    assert not held


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ValueError, match='model.recompute.*stage9.*layer1'):
        toys.build_model(**toys.DUAL, recompute=['backbone.stage9'])


def test_float16_is_refused(monkeypatch):
    model = toys.build_model(**toys.DUAL, early_backward=True)
    with torch.autocast('cpu', torch.float16):
        with pytest.raises(ValueError, match='early_backward.*bfloat16'):
            model.loss(*toys.build_batch())
