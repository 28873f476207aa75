# Copyright (c) semipose_mm authors.
"""What is computed with the compiled ops once, and with these ones in tests.

Numbers are drawn from numpy's ``RandomState``, whose streams never change.
"""
import numpy as np
import torch
from mmcv import ops


def tensor(values, device, grad=False):
    """Make a float tensor on a device."""
    return torch.tensor(np.float32(values), device=device).requires_grad_(grad)


def draw_boxes(seed, number, device, size=200.):
    """Draw overlapping boxes, with scores that all differ."""
    random = np.random.RandomState(seed)
    corner = random.rand(number, 2) * size
    boxes = np.hstack([corner, corner + 5 + random.rand(number, 2) * 60])
    scores = (random.permutation(number) + 1) / (number + 1)
    return tensor(boxes, device), tensor(scores, device)


def draw_rois(random, device):
    """Rois of two images of 48x64, some beyond the edge."""
    corner = random.uniform(-5, 40, (7, 2))
    rois = np.hstack([
        random.randint(0, 2, (7, 1)), corner,
        corner + random.uniform(1, 30, (7, 2))
    ])
    return tensor(rois, device)


def with_gradients(output, inputs):
    """An output and the gradients of a weighted sum of it."""
    weights = np.random.RandomState(9).randn(*output.shape)
    (output * tensor(weights, output.device)).sum().backward()
    return [output, *(value.grad for value in inputs)]


def nms_cases(device):
    """Non-maximum suppression of all kinds."""
    boxes, scores = draw_boxes(0, 120, device)
    labels = torch.arange(120, device=device) % 3
    for offset in (0, 1):
        yield f'nms-{offset}', ops.nms(boxes, scores, 0.4, offset)
        for method in ('naive', 'linear', 'gaussian'):
            yield f'soft_nms-{method}-{offset}', ops.soft_nms(
                boxes, scores, 0.3, 0.5, 0.05, method, offset)
    yield 'nms-limits', ops.nms(
        boxes, scores, 0.4, score_threshold=0.3, max_num=9)
    for kind in ('nms', 'soft_nms'):
        yield f'batched-{kind}', ops.batched_nms(
            boxes, scores, labels, dict(type=kind, iou_threshold=0.5))
    yield 'nms_match', ops.nms_match(
        torch.cat([boxes, scores[:, None]], dim=1), 0.3)


def overlap_cases(device):
    """Overlaps of boxes."""
    first, _ = draw_boxes(1, 12, device)
    second, _ = draw_boxes(2, 12, device)
    for mode in ('iou', 'iof'):
        for aligned in (False, True):
            yield f'overlaps-{mode}-{aligned}', [
                ops.bbox_overlaps(first, second, mode, aligned, offset)
                for offset in (0, 1)
            ]


def roi_align_cases(device):
    """Averages of rois, with gradients."""
    for aligned in (False, True):
        for ratio in (0, 2):
            random = np.random.RandomState(3)
            features = tensor(random.randn(2, 3, 24, 32), device, True)
            output = ops.roi_align(features, draw_rois(random, device), (3, 4),
                                   0.5, ratio, 'avg', aligned)
            yield f'roi_align-{aligned}-{ratio}', with_gradients(
                output, [features])


#: groups, deform_groups, stride, padding, dilation
GEOMETRIES = dict(
    plain=(1, 1, 1, 1, 1),
    groups=(2, 2, (2, 1), (1, 2), 1),
    unequal=(4, 1, 1, (2, 1), (2, 1)))


def deform_cases(device):
    """Deformable convolution of both versions, with gradients."""
    for name, (groups, deform_groups, stride, pad, dil) in GEOMETRIES.items():
        for version in (1, 2):
            random = np.random.RandomState(4)
            args = dict(
                stride=stride,
                padding=pad,
                dilation=dil,
                groups=groups,
                deform_groups=deform_groups)
            layer = (ops.DeformConv2d,
                     ops.ModulatedDeformConv2d)[version - 1](8, 8, 3,
                                                             **args).to(device)
            weight = random.randn(8, 8 // groups, 3, 3)
            with torch.no_grad():
                layer.weight.copy_(tensor(weight, device))
            features = tensor(random.randn(2, 8, 10, 9), device, True)
            height, width = torch.nn.functional.conv2d(features, layer.weight,
                                                       None, stride, pad, dil,
                                                       groups).shape[2:]
            shape = 2, 18 * deform_groups, height, width
            offset = tensor(2 * random.randn(*shape), device, True)
            inputs = [features, offset]
            if version == 2:
                mask = random.rand(2, 9 * deform_groups, height, width)
                inputs.append(tensor(mask, device, True))
            learned = [layer.weight]
            if version == 2:
                with torch.no_grad():
                    layer.bias.copy_(tensor(random.randn(8), device))
                learned.append(layer.bias)
            yield f'deform{version}-{name}', with_gradients(
                layer(*inputs), inputs + learned)


def all_cases(device='cpu'):
    """Compute every case.

    Args:
        device (str): Where. Defaults to ``'cpu'``

    Returns:
        Dict[str, np.ndarray]: Results by 'case/number'.
    """
    found = {}
    for cases in (nms_cases, overlap_cases, roi_align_cases, deform_cases):
        for name, tensors in cases(device):
            for number, value in enumerate(tensors):
                found[f'{name}/{number}'] = value.detach().cpu().numpy()
    return found
