# Copyright (c) semipose_mm authors.
"""Time the ops of ``mmcv_ext`` on a device against the CPU, and compare.

python dev/benchmarks/mmcv_ops.py [--device cuda] [--turns 10]

Inputs are drawn, as large as a detector has them for an image.
"""
import argparse
from typing import Any, Callable, Dict, List

import measuring
import torch
from mmcv import ops
from torch import Tensor

Case = Callable[..., Any]


def draw_boxes(number: int, size: float) -> Tensor:
    """Boxes (N, 4) from corner to corner in an image of that many pixels."""
    corners = torch.rand(number, 2) * size
    return torch.cat([corners, corners + 10 + torch.rand(number, 2) * 90], 1)


def with_gradients(function: Callable, *inputs: Tensor) -> List[Tensor]:
    """Output of a function, and the gradients of its sum."""
    inputs = [value.detach().requires_grad_() for value in inputs]
    output = function(*inputs)
    return [output.detach(), *torch.autograd.grad(output.sum(), inputs)]


def draw_cases() -> Dict[str, tuple]:
    """Functions and the tensors they take, by the names of the table."""
    torch.manual_seed(0)
    boxes, scores = draw_boxes(2000, 800), torch.rand(2000)
    few, classes = draw_boxes(300, 800), torch.arange(2000) % 20
    features = torch.randn(1, 256, 50, 76)
    rois = torch.cat([torch.zeros(300, 1), few], 1)
    narrow, weight = features[:, :64], torch.randn(64, 64, 3, 3) / 24
    offset, mask = torch.randn(1, 18, 50, 76), torch.rand(1, 9, 50, 76)
    logits, target = torch.randn(20000, 20), torch.randint(0, 21, (20000, ))

    def pooled(pool: Callable) -> Case:
        return lambda rois, features: with_gradients(
            lambda maps: pool(maps, rois, (7, 7), 1 / 16), features)

    return {
        'nms, 2000 boxes': (lambda *a: ops.nms(*a, 0.5), boxes, scores),
        'batched_nms, 20 classes':
        (lambda *a: ops.batched_nms(*a, dict(type='nms', iou_threshold=0.5)),
         boxes, scores, classes),
        'soft_nms, 2000 boxes':
        (lambda *a: ops.soft_nms(*a, 0.5), boxes, scores),
        'bbox_overlaps, 2000 x 300': (ops.bbox_overlaps, boxes, few),
        'roi_align, 300 rois': (pooled(ops.roi_align), rois, features),
        'roi_pool, 300 rois': (pooled(ops.roi_pool), rois, features),
        'modulated_deform_conv2d, 64 channels': (lambda *a: with_gradients(
            lambda *b: ops.modulated_deform_conv2d(*b, None, 1, 1, 1, 1, 1), *a
        ), narrow, offset, mask, weight),
        'sigmoid_focal_loss, 20000 x 20':
        (lambda target, logits: with_gradients(
            lambda x: ops.sigmoid_focal_loss(x, target), logits), target,
         logits),
    }


def difference(found: Any, expected: Any) -> float:
    """Largest distance of two results, in parts of the largest number.

    Args:
        found (Tensor | Sequence[Tensor]): On any device.
        expected (Tensor | Sequence[Tensor]): As many tensors.

    Returns:
        float: Infinite where shapes or indices differ.
    """
    if isinstance(found, Tensor):
        found, expected = [found], [expected]
    worst = 0.
    for one, two in zip(found, expected):
        one, two = one.cpu(), two.cpu()
        if one.shape != two.shape or not (one.is_floating_point()
                                          or torch.equal(one, two)):
            return float('inf')
        scale = two.abs().max().item() if two.numel() else 0.
        if scale:
            worst = max(worst, (one - two).abs().max().item() / scale)
    return worst


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--turns', type=int, default=10)
    parser.add_argument('--out', help='json file of the results')
    args = parser.parse_args()
    # as the CPU computes
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    wait = torch.cuda.synchronize if args.device != 'cpu' else None
    rows = [[
        'with gradients, if there are', 'CPU, ms', f'{args.device}, ms',
        'largest difference'
    ]]
    results = {}
    for name, (function, *inputs) in draw_cases().items():
        there = [value.to(args.device) for value in inputs]
        actions = dict(
            cpu=lambda: function(*inputs), device=lambda: function(*there))
        error = difference(actions['device'](), actions['cpu']())
        seconds = measuring.in_turns(actions, args.turns, 1, wait)
        results[name] = dict(seconds=seconds, difference=error)
        rows.append([name] + [
            str(measuring.spread([1e3 * value for value in values]))
            for values in seconds.values()
        ] + [f'{error:.1e}'])
    measuring.report(f'Ops of mmcv on {args.device} against the CPU', rows,
                     results, args.out)


if __name__ == '__main__':
    main()
