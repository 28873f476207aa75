# Copyright (c) semipose_mm authors.
"""What a training step tells about teaching, as pure functions on tensors.

Everything stays on the device; the caller decides when it leaves.
"""
from itertools import combinations
from typing import Dict

import torch
from torch import Tensor

from semipose_mm.structures import TeachingStep, heatmap_peaks

#: Peaks nearer than this share of the longer heatmap side agree.
AGREEMENT_DISTANCE = 0.05


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values where a mask of the same shape is set; 0 for none."""
    mask = mask.to(values.dtype)
    return (values * mask).sum() / mask.sum().clamp(min=1)


def agreement(a: Tensor, b: Tensor, mask: Tensor = None) -> Tensor:
    """Share of joints whose peaks coincide in two sets of heatmaps.

    Args:
        a (Tensor): Heatmaps (U, K, h, w).
        b (Tensor): Heatmaps of the same shape.
        mask (Tensor, optional): Joints that count, (U, K). Defaults to
            ``None``, all

    Returns:
        Tensor: A scalar in [0, 1].
    """
    distance = (heatmap_peaks(a)[0] - heatmap_peaks(b)[0]).norm(dim=-1)
    agrees = (distance <= AGREEMENT_DISTANCE * max(a.shape[-2:])).float()
    return masked_mean(agrees,
                       torch.ones_like(agrees) if mask is None else mask)


def teaching_statistics(step: TeachingStep) -> Dict[str, Tensor]:
    """Statistics of a training step.

    Args:
        step (TeachingStep): The estimator's record.

    Returns:
        dict: Scalars. ``net<i>/peak_labeled``, ``net<i>/peak_unlabeled`` and
        ``net<i>/peak_hard`` are mean peak heights on labeled, easy and hard
        images; ``agreement/net<i>_net<j>`` is that of two networks on easy
        images, ``net<i>/easy_hard_agreement`` that of a student with its
        targets; ``net<i>/unsup_sup_ratio`` relates the weighted losses.
    """
    stats = dict()
    for i, heatmaps in step.labeled.items():
        heights = heatmap_peaks(heatmaps)[1]
        stats[f'net{i}/peak_labeled'] = masked_mean(heights,
                                                    step.keypoint_weights > 0)
    for i, heatmaps in step.easy.items():
        stats[f'net{i}/peak_unlabeled'] = heatmap_peaks(heatmaps)[1].mean()
    for i, j in combinations(sorted(step.easy), 2):
        stats[f'agreement/net{i}_net{j}'] = agreement(step.easy[i],
                                                      step.easy[j])
    for i in sorted({lesson.student for lesson in step.lessons}):
        lessons = [x for x in step.lessons if x.student == i]
        stats[f'net{i}/peak_hard'] = torch.stack(
            [heatmap_peaks(x.heatmaps)[1].mean() for x in lessons]).mean()
        # a joint that the warp has moved out of the crop cannot be found
        stats[f'net{i}/easy_hard_agreement'] = torch.stack([
            agreement(x.heatmaps, x.targets,
                      x.targets.flatten(2).any(-1)) for x in lessons
        ]).mean()
        sup = step.losses[f'net{i}/loss_sup']
        stats[f'net{i}/unsup_sup_ratio'] = (
            step.losses[f'net{i}/loss_unsup'] / sup.clamp(min=1e-12))
    return stats
