# Copyright (c) semipose_mm authors.
"""What a training step tells about teaching, as pure functions on tensors.

Everything stays on the device; the caller decides when it leaves.
"""
from itertools import combinations
from typing import Dict, Tuple

import torch
from torch import Tensor

from semipose_mm.structures import TeachingStep

#: Peaks nearer than this share of the longer input side agree.
AGREEMENT_DISTANCE = 0.05


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values where a mask of the same shape is set; 0 for none."""
    mask = mask.to(values.dtype)
    return (values * mask).sum() / mask.sum().clamp(min=1)


def agreement(a: Tensor,
              b: Tensor,
              input_size: Tuple[int, int],
              mask: Tensor = None) -> Tensor:
    """Share of joints whose peaks coincide.

    Args:
        a (Tensor): Peaks (U, K, 2) in input pixels.
        b (Tensor): Peaks of the same shape.
        input_size (tuple): (W, H) in pixels.
        mask (Tensor, optional): Joints that count, (U, K). Defaults to
            ``None``, all

    Returns:
        Tensor: A scalar in [0, 1].
    """
    distance = (a - b).norm(dim=-1)
    agrees = (distance <= AGREEMENT_DISTANCE * max(input_size)).float()
    return masked_mean(agrees,
                       torch.ones_like(agrees) if mask is None else mask)


def teaching_statistics(step: TeachingStep) -> Dict[str, Tensor]:
    """Statistics of a training step.

    Args:
        step (TeachingStep): The estimator's record.

    Returns:
        dict: Scalars. ``net<i>/peak_labeled``, ``net<i>/peak_unlabeled`` and
        ``net<i>/peak_hard`` are mean confidences of peaks (heights of
        heatmaps) on labeled, easy and hard images;
        ``agreement/net<i>_net<j>`` is that of two networks on easy images,
        ``net<i>/easy_hard_agreement`` that of a student with its targets;
        ``net<i>/unsup_sup_ratio`` relates the weighted losses.
    """
    peaks, size = step.output.peaks, step.output.codec.input_size
    stats = dict()
    for i, output in step.labeled.items():
        stats[f'net{i}/peak_labeled'] = masked_mean(
            peaks(output)[1], step.keypoint_weights > 0)
    easy = {i: peaks(output) for i, output in step.easy.items()}
    for i, (_, confidence) in easy.items():
        stats[f'net{i}/peak_unlabeled'] = confidence.mean()
    for i, j in combinations(sorted(easy), 2):
        stats[f'agreement/net{i}_net{j}'] = agreement(easy[i][0], easy[j][0],
                                                      size)
    for i in sorted({lesson.student for lesson in step.lessons}):
        lessons = [x for x in step.lessons if x.student == i]
        hard = [peaks(x.outputs) for x in lessons]
        stats[f'net{i}/peak_hard'] = torch.stack(
            [confidence.mean() for _, confidence in hard]).mean()
        # a joint that the warp has moved out of the crop cannot be found
        stats[f'net{i}/easy_hard_agreement'] = torch.stack([
            agreement(points,
                      peaks(x.targets)[0], size,
                      step.output.contains(x.targets))
            for (points, _), x in zip(hard, lessons)
        ]).mean()
        sup = step.losses[f'net{i}/loss_sup']
        stats[f'net{i}/unsup_sup_ratio'] = (
            step.losses[f'net{i}/loss_unsup'] / sup.clamp(min=1e-12))
    return stats
