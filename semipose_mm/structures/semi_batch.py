# Copyright (c) semipose_mm authors.
"""The semi-supervised batch and the record of a training step.

``B`` labeled samples come with ``U = B * unlabeled_ratio`` unlabeled ones.
"""
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, TypedDict

from mmpose.structures import PoseDataSample
from torch import Tensor


class SemiPoseInputs(TypedDict, total=False):
    """Images of a batch after preprocessing.

    Sources other than ``easy`` (such as a photometrically distorted twin of
    the same crop) are further keys with tensors of the same shape.
    """
    labeled: Tensor  # (B, 3, H, W), normalized
    easy: Tensor  # (U, 3, H, W), normalized
    uniforms: Tensor  # (U, N) in (0, 1)


class SemiPoseDataSamples(TypedDict, total=False):
    """Data samples of a batch."""
    labeled: List[PoseDataSample]  # B, with gt_fields
    unlabeled: List[PoseDataSample]  # U, without


class Lesson(NamedTuple):
    """What one route taught through one view; everything is detached.

    Attributes:
        student (int): Number of the student network.
        view (int): Number of the view.
        images (Tensor): Hard images (U, 3, H, W), normalized.
        targets (Tensor): Warped teacher heatmaps (U, K, h, w).
        weights (Tensor): (U, K) or (U, K, h, w).
        heatmaps (Tensor): The student's prediction (U, K, h, w).
    """
    student: int
    view: int
    images: Tensor
    targets: Tensor
    weights: Tensor
    heatmaps: Tensor


@dataclass
class TeachingStep:
    """Tensors of the last training step, for statistics and pictures.

    Nothing here carries gradients, and nothing leaves the device by being
    recorded.

    Attributes:
        labeled (dict): Network number to heatmaps (B, K, h, w).
        keypoint_weights (Tensor): Of the labeled samples, (B, K).
        easy (dict): Network number to heatmaps of the easy view
            (U, K, h, w), for networks that teach.
        lessons (list): One :class:`Lesson` for each route and view.
        losses (dict): The loss terms, weighted, by name.
    """
    labeled: Dict[int, Tensor] = field(default_factory=dict)
    keypoint_weights: Tensor = None
    easy: Dict[int, Tensor] = field(default_factory=dict)
    lessons: List[Lesson] = field(default_factory=list)
    losses: Dict[str, Tensor] = field(default_factory=dict)
