# Copyright (c) semipose_mm authors.
"""Tests of mmcv's ops over torchvision's against the compiled ones."""
import subprocess
import sys
from pathlib import Path

import mmcv._ext
import numpy as np
import pytest
import torch
from mmcv import ops
from op_cases import all_cases, draw_boxes, draw_rois, tensor, with_gradients

pytestmark = pytest.mark.skipif(
    not mmcv._ext.__file__.endswith('.py'),
    reason='this environment has the compiled mmcv')
REFERENCE = Path(__file__).with_name('reference.npz')


def test_results_are_those_of_the_compiled_ops(device):
    found = all_cases(device)
    with np.load(REFERENCE) as file:
        expected = {
            name: file[name]
            for name in file.files if not name.startswith('detector/')
        }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # sums of gradients are taken in another order
        scale = max(1, np.abs(value).max(initial=0))
        np.testing.assert_allclose(
            found[name], value, rtol=0, atol=2e-6 * scale, err_msg=name)
        if value.dtype == np.int64:
            assert np.array_equal(found[name], value), name


def pool_slowly(features, rois, size, scale):
    """RoI pooling as its definition says, a cell at a time."""
    out = np.zeros((len(rois), features.shape[1], *size), np.float32)
    for index, (image, *box) in enumerate(rois):
        left, top, right, bottom = (
            int(np.floor(v * scale + 0.5)) for v in box)
        width, height = max(right - left + 1, 1), max(bottom - top + 1, 1)
        for i, j in np.ndindex(*size):
            rows = np.clip([
                np.floor(i * height / size[0]) + top,
                np.ceil((i + 1) * height / size[0]) + top
            ], 0, features.shape[2]).astype(int)
            columns = np.clip([
                np.floor(j * width / size[1]) + left,
                np.ceil((j + 1) * width / size[1]) + left
            ], 0, features.shape[3]).astype(int)
            cell = features[int(image), :, slice(*rows), slice(*columns)]
            if cell.size:
                out[index, :, i, j] = cell.max(axis=(1, 2))
    return out


def test_roi_pool(device):
    random = np.random.RandomState(5)
    features = tensor(random.randn(2, 3, 24, 32), device, True)
    rois = draw_rois(random, device)
    output, grad = with_gradients(
        ops.roi_pool(features, rois, (3, 4), 0.5), [features])
    expected = pool_slowly(features.detach().cpu().numpy(),
                           rois.cpu().numpy(), (3, 4), 0.5)
    assert np.array_equal(output.detach().cpu().numpy(), expected)
    # a gradient reaches the cell that was the maximum, and no other
    cells = set(features[grad != 0].tolist())
    assert cells and cells <= set(output.detach().flatten().tolist())


@pytest.mark.parametrize('weighted', (False, True))
def test_sigmoid_focal_loss(weighted, device):
    random = np.random.RandomState(6)
    logits = tensor(5 * random.randn(40, 4), device)
    # the class beyond the last is background
    target = torch.tensor(random.randint(0, 4 + (not weighted), 40))
    weight = tensor(random.rand(4), device) if weighted else None
    p = logits.double().cpu().sigmoid().requires_grad_(True)
    hit = torch.nn.functional.one_hot(target, 5)[:, :4].bool()
    loss = -torch.where(hit, 0.25 * (1 - p)**2 * p.log(), 0.75 * p**2 *
                        (1 - p).log())
    if weighted:
        loss = loss * weight.cpu().double()[target][:, None]
    loss.sum().backward()
    logits.requires_grad_(True)
    found = ops.sigmoid_focal_loss(logits, target.to(device), 2., .25, weight,
                                   'sum')
    found.backward()
    expected = p.grad * (p * (1 - p)).detach()
    torch.testing.assert_close(
        found.cpu().double(), loss.sum(), rtol=1e-5, atol=0)
    torch.testing.assert_close(
        logits.grad.cpu().double(), expected, rtol=1e-4, atol=1e-6)


def test_deformable_attention(device):
    random = np.random.RandomState(7)
    shapes = torch.tensor([[6, 4], [3, 2]], device=device)
    starts = torch.tensor([0, 24], device=device)
    inputs = [
        tensor(random.randn(2, 30, 2, 4), device, True),
        tensor(random.rand(2, 5, 2, 2, 3, 2), device, True),
        tensor(random.rand(2, 5, 2, 2, 3), device, True)
    ]
    copies = [value.detach().clone().requires_grad_() for value in inputs]
    from mmcv.ops.multi_scale_deform_attn import (
        MultiScaleDeformableAttnFunction, multi_scale_deformable_attn_pytorch)
    found = MultiScaleDeformableAttnFunction.apply(inputs[0], shapes, starts,
                                                   inputs[1], inputs[2], 64)
    expected = multi_scale_deformable_attn_pytorch(copies[0], shapes,
                                                   *copies[1:])
    for ours, theirs in zip(
            with_gradients(found, inputs), with_gradients(expected, copies)):
        torch.testing.assert_close(ours, theirs)


def test_nothing_to_suppress(device):
    boxes, scores = draw_boxes(8, 0, device)
    for function in (ops.nms, ops.soft_nms):
        dets, kept = function(boxes, scores, 0.5)
        assert dets.shape == (0, 5) and kept.shape == (0, )
    assert ops.nms_match(torch.zeros(0, 5, device=device), 0.5) == []


def test_soft_nms_takes_half_precision(device):
    boxes, scores = draw_boxes(0, 50, device)
    boxes, scores = boxes.half(), scores.half()
    dets, kept = ops.soft_nms(boxes, scores, 0.3)
    whole, kept_whole = ops.soft_nms(boxes.float(), scores.float(), 0.3)
    assert torch.equal(kept, kept_whole) and dets.dtype == torch.half
    assert kept.device == dets.device == boxes.device
    torch.testing.assert_close(dets.float(), whole, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('name, call', [
    ('nms_rotated',
     lambda: ops.nms_rotated(torch.rand(3, 5), torch.rand(3), 0.5)),
    ('carafe_forward', lambda: ops.carafe(
        torch.rand(1, 4, 4, 4), torch.rand(1, 25, 8, 8), 5, 1, 2)),
    ("RoIAlign with pool_mode='max'", lambda: ops.roi_align(
        torch.rand(1, 1, 8, 8), torch.tensor([[0., 0, 0, 4, 4]]), 2, 1., 0,
        'max')),
])
def test_an_op_that_is_missing_says_so_when_called(name, call):
    with pytest.raises(NotImplementedError) as caught:
        call()
    assert name in str(caught.value)
    assert '--no-build-isolation mmcv==2.1.0' in str(caught.value)


@pytest.mark.long
def test_mmdet_needs_nothing_else():
    """In a process of its own, where nobody has imported semipose_mm."""
    code = ('import mmdet.apis, sys; from mmcv.utils import ext_loader; '
            'from mmcv.ops import get_compiling_cuda_version as v; v(); '
            "assert 'semipose_mm' not in sys.modules")
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code],
                          stderr=subprocess.PIPE,
                          text=True)
    assert done.returncode == 0, done.stderr
