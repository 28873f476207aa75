# Copyright (c) semipose_mm authors.
"""The semi-supervised batch and the record of a training step.

``B`` labeled samples come with ``U = B * unlabeled_ratio`` unlabeled ones.
"""
from dataclasses import dataclass, field
from typing import (Any, Dict, List, NamedTuple, Optional, Sequence, TypedDict,
                    Union)

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor


class SemiPoseInputs(TypedDict, total=False):
    """Images of a batch after preprocessing.

    Sources other than ``easy`` (such as a photometrically distorted twin of
    the same crop) are further keys with tensors of the same shape.
    """
    labeled: Tensor  # (B, 3, H, W), normalized
    labeled_uniforms: Tensor  # (B, N) in (0, 1)
    easy: Tensor  # (U, 3, H, W), normalized
    uniforms: Tensor  # (U, N) in (0, 1)


def matrix_name(source: str) -> str:
    """Key of a crop's matrices (U, 3, 3): from its pixels to the easy one's.

    Args:
        source (str): Key of the images.
    """
    return f'{source}_matrix'


def is_images(name: str) -> bool:
    """Whether a key of a batch stands for images."""
    return not name.endswith(('uniforms', '_matrix'))


class SemiPoseDataSamples(TypedDict, total=False):
    """Data samples of a batch, and what the labeled loss needs of them."""
    labeled: List[PoseDataSample]  # B
    unlabeled: List[PoseDataSample]  # U
    labels: Dict[str, Tensor]  # see `stack_labels`, on the device


#: Fields of a data sample that hold tensors for training.
LABEL_FIELDS = ('gt_instance_labels', 'gt_fields')


def stack_labels(samples: Sequence[PoseDataSample]) -> Dict[str, Tensor]:
    """Put what ``GenerateTarget`` has made for samples into one tensor each.

    Args:
        samples (Sequence[PoseDataSample]): B samples of one instance.

    Returns:
        dict: By the name in ``gt_instance_labels`` or ``gt_fields``, such as
        ``keypoint_weights`` (B, K) and ``heatmaps`` (B, K, h, w).
    """
    labels = dict()
    if 'gt_instance_labels' in samples[0]:
        for name in samples[0].gt_instance_labels.keys():
            labels[name] = torch.cat(
                [sample.gt_instance_labels[name] for sample in samples])
    if 'gt_fields' in samples[0]:
        for name in samples[0].gt_fields.keys():
            labels[name] = torch.stack(
                [getattr(sample.gt_fields, name) for sample in samples])
    return labels


class ViewRecord(NamedTuple):
    """What one route taught through one view; everything is detached.

    Targets and outputs have the form of the heads' outputs: heatmaps
    (U, K, h, w) or SimCC vectors.

    Attributes:
        student (int): Number of the student network.
        view (int): Number of the view.
        images (Tensor): Hard images (U, 3, H, W), normalized.
        targets: What the teachers see, moved to the hard view.
        weights (Tensor): (U, K) or (U, K, h, w).
        outputs: What the student sees on the hard images.
        loss (Tensor): The loss without its weight, a scalar.
        kept (Tensor, optional): Weights (U, K) of a selection.
    """
    student: int
    view: int
    images: Tensor
    targets: Any
    weights: Tensor
    outputs: Any
    loss: Tensor
    kept: Optional[Tensor] = None


@dataclass
class TeachingStep:
    """Tensors of the last training step, for statistics and pictures.

    Nothing here carries gradients, and nothing leaves the device by being
    recorded.

    Attributes:
        output: The ``HeadOutput`` that reads what is recorded.
        unsup_weight (Tensor): Weight of the unlabeled loss, a scalar.
        sup_weight (float): Weight of the labeled loss.
        labeled (dict): Network number to output on labeled images.
        keypoint_weights (Tensor): Of the labeled samples, (B, K).
        easy (dict): Outputs of each teacher on the easy view, by number or
            name; several where its pass makes several.
        views (list): One :class:`ViewRecord` for each route and view.
        losses (dict): The loss terms, weighted, by name.
        label_losses (list): Losses of labeled joints without their weights,
            (B, K) for each network and view, if somebody wants them.
    """
    output: Any
    unsup_weight: Tensor
    sup_weight: float
    labeled: Dict[int, Any] = field(default_factory=dict)
    keypoint_weights: Tensor = None
    easy: Dict[Union[int, str], List[Any]] = field(default_factory=dict)
    views: List[ViewRecord] = field(default_factory=list)
    losses: Dict[str, Tensor] = field(default_factory=dict)
    label_losses: List[Tensor] = field(default_factory=list)
