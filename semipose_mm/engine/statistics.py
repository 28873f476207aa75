# Copyright (c) semipose_mm authors.
"""What a training step tells about teaching, as pure functions on tensors.

Everything stays on the device; the caller decides when it leaves.
"""
from itertools import combinations
from typing import Dict, List, Tuple

import torch
from torch import Tensor

from semipose_mm.models.peer_estimator import network_name
from semipose_mm.structures import TeachingStep, ViewRecord

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
        dict: Scalars. ``net<i>/peak_labeled``, ``<teacher>/peak_unlabeled``
        and ``net<i>/peak_hard`` are mean confidences of peaks (heights of
        heatmaps) on labeled, easy and hard images;
        ``agreement/<teacher>_<teacher>`` is that of two teachers on easy
        images, ``net<i>/easy_hard_agreement`` that of a student with its
        targets; ``net<i>/consistency`` is the unlabeled loss without its
        weight, summed over views, of which ``net<i>/view<p>`` are the parts
        where there are several; ``net<i>/kept`` is what selections keep, in
        [0, 1]; ``net<i>/unsup_sup_ratio`` relates the weighted losses,
        ``net<i>/label_limit`` those of a view without weights, see
        :class:`LabelLimit`.
    """
    peaks, size = step.output.peaks, step.output.codec.input_size
    stats = dict()
    for i, output in step.labeled.items():
        stats[f'net{i}/peak_labeled'] = masked_mean(
            peaks(output)[1], step.keypoint_weights > 0)
    easy = {
        network_name(key): peaks(step.output.mean(outputs))
        for key, outputs in step.easy.items()
    }
    for name, (_, confidence) in easy.items():
        stats[f'{name}/peak_unlabeled'] = confidence.mean()
    for a, b in combinations(easy, 2):
        stats[f'agreement/{a}_{b}'] = agreement(easy[a][0], easy[b][0], size)
    if step.views:
        stats['unsup_weight'] = step.unsup_weight
    for i in sorted({view.student for view in step.views}):
        views = [view for view in step.views if view.student == i]
        stats.update({
            f'net{i}/{name}': value
            for name, value in _of_student(step, views).items()
        })
        sup = step.losses[f'net{i}/loss_sup']
        stats[f'net{i}/unsup_sup_ratio'] = (
            step.losses[f'net{i}/loss_unsup'] / sup.clamp(min=1e-12))
        loss = stats[f'net{i}/consistency'] / len(views)
        if step.output.loss_sums_samples:
            loss = loss * (len(step.keypoint_weights) / len(views[0].weights))
        stats[f'net{i}/label_limit'] = (
            step.sup_weight * loss / sup.clamp(min=1e-12))
    return stats


def _of_student(step: TeachingStep,
                views: List[ViewRecord]) -> Dict[str, Tensor]:
    """What the views of one student tell."""
    peaks, size = step.output.peaks, step.output.codec.input_size
    hard = [peaks(view.outputs) for view in views]
    stats = dict(
        peak_hard=torch.stack([confidence.mean()
                               for _, confidence in hard]).mean(),
        # a joint that the warp has moved out of the crop cannot be found
        easy_hard_agreement=torch.stack([
            agreement(points,
                      peaks(view.targets)[0], size,
                      step.output.contains(view.targets))
            for (points, _), view in zip(hard, views)
        ]).mean(),
        consistency=torch.stack([view.loss for view in views]).sum())
    numbers = sorted({view.view for view in views})
    for p in numbers if len(numbers) > 1 else ():
        stats[f'view{p}'] = torch.stack(
            [view.loss for view in views if view.view == p]).sum()
    kept = [view.kept.mean() for view in views if view.kept is not None]
    if kept:
        stats['kept'] = torch.stack(kept).mean()
    return stats


def kept_joints(step: TeachingStep) -> Dict[str, Tensor]:
    """What selections keep of each joint.

    Args:
        step (TeachingStep): The estimator's record.

    Returns:
        dict: ``net<i>/kept`` (K,) in [0, 1], of students with a selection.
    """
    found: Dict[str, List[Tensor]] = {}
    for view in step.views:
        if view.kept is not None:
            found.setdefault(f'net{view.student}/kept',
                             []).append(view.kept.mean(0))
    return {name: torch.stack(kept).mean(0) for name, kept in found.items()}
