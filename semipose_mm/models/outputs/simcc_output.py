# Copyright (c) semipose_mm authors.
"""SimCC: one vector along x and one along y for each joint."""
import math
from typing import (Any, Callable, Dict, List, NamedTuple, Optional, Sequence,
                    Tuple)

import numpy as np
import torch
from mmpose.codecs import SimCCLabel
from mmpose.models.heads import SimCCHead
from mmpose.models.losses import KLDiscretLoss
from mmpose.models.utils.tta import flip_vectors
from torch import Tensor, nn

from semipose_mm.structures import ViewWarp
from .constants import on_device
from .head_output import HeadOutput
from .simcc_encoding import SimCCEncoder


class SimCCVectors(NamedTuple):
    """Outputs or targets of a batch.

    Attributes:
        x (Tensor): (N, K, W * split_ratio).
        y (Tensor): (N, K, H * split_ratio).
    """
    x: Tensor
    y: Tensor


class SimCCOutput(HeadOutput):
    """Vectors of RTMPose's, RTMW's or SimCC's head with ``KLDiscretLoss``.

    Vectors do not warp, as a rotation mixes the axes. A target is made of
    the joints that the teachers see on the easy view: their bins, moved as
    points by the view's warp and encoded anew, each joint with its
    confidence as weight (SimCC: Li et al., ECCV 2022; RTMPose: Jiang et
    al., arXiv 2303.07399).

    A confidence is the height of the softmax that the loss compares, in
    parts of what it is for a target, the smaller of both axes and at most 1.
    The head's own scores are logits, which the loss leaves undetermined by
    a constant. For that reason, too, several outputs are merged as these
    distributions p_n = softmax(beta x_n), and given back as logits:

        x = (ln mean_n p_n + mean_n ln sum exp(beta x_n)) / beta

    The second term keeps the scale of the heads' scores.

    Args:
        head (nn.Module): See :class:`HeadOutput`.
        foreground_weight (float): 1, as vectors have no background.
            Defaults to 1.
    """

    loss_sums_samples = True

    def __init__(self, head: nn.Module, foreground_weight: float = 1.) -> None:
        super().__init__(head, foreground_weight)
        if foreground_weight != 1:
            raise TypeError(
                f'model.foreground_weight is {foreground_weight}, but '
                f'model.head.type is {type(head).__name__}: SimCC vectors are '
                'distributions, whose loss has no background to weigh. Leave '
                'it at 1')
        self.encoder = SimCCEncoder.from_codec(head.decoder)
        self.beta = head.loss_module.beta
        center = np.array([[self.codec.input_size]], dtype=np.float32) / 2
        labels = head.decoder.encode(center)
        self.ideal_peaks = tuple(
            _ideal_peak(labels[f'keypoint_{axis}_labels'], head.loss_module)
            for axis in 'xy')

    @classmethod
    def check_head(cls, head: nn.Module, key: str) -> None:
        """See :meth:`HeadOutput.check_head`."""
        if not isinstance(head.loss_module, KLDiscretLoss):
            raise TypeError(
                f'{key}.loss.type is {type(head.loss_module).__name__}, but '
                'weighted SimCC targets need KLDiscretLoss or a subclass')
        if not isinstance(head.decoder, SimCCLabel):
            raise TypeError(
                f'{key}.decoder.type is {type(head.decoder).__name__}, but '
                f'{type(head).__name__} needs SimCCLabel')

    @staticmethod
    def traits(head: nn.Module) -> Dict[str, Any]:
        """See :meth:`HeadOutput.traits`."""
        codec, loss = head.decoder, head.loss_module
        return {
            'out_channels': head.out_channels,
            'decoder.input_size': tuple(codec.input_size),
            'decoder.simcc_split_ratio': codec.simcc_split_ratio,
            'decoder.smoothing_type': codec.smoothing_type,
            'decoder.sigma': tuple(float(value) for value in codec.sigma),
            'decoder.normalize': codec.normalize,
            'loss.beta': loss.beta,
            'loss.label_softmax': loss.label_softmax,
            'loss.label_beta': loss.label_beta
        }

    @staticmethod
    def final_layers(head: nn.Module) -> List[nn.Module]:
        """See :meth:`HeadOutput.final_layers`."""
        if isinstance(head, SimCCHead):
            return [head.mlp_head_x, head.mlp_head_y]
        return [head.cls_x, head.cls_y]

    @staticmethod
    def apply(function: Callable, *outputs: Tuple) -> SimCCVectors:
        """See :meth:`HeadOutput.apply`."""
        return SimCCVectors(*(function(*parts) for parts in zip(*outputs)))

    def labeled_targets(self, labels: Dict[str, Tensor]) -> SimCCVectors:
        """Vectors that ``GenerateTarget`` has made."""
        if 'keypoint_x_labels' not in labels:
            raise self.wrong_encoder('SimCCLabel')
        return SimCCVectors(labels['keypoint_x_labels'],
                            labels['keypoint_y_labels'])

    def peaks(self, output: SimCCVectors) -> Tuple[Tensor, Tensor]:
        """See :meth:`HeadOutput.peaks`."""
        bins, heights = [], []
        for part, ideal in zip(self.float(output), self.ideal_peaks):
            height, index = (part * self.beta).softmax(-1).max(-1)
            bins.append(index)
            heights.append(height / ideal)
        points = torch.stack(bins, -1).float() / self.encoder.split_ratio
        return points, torch.minimum(*heights).clamp(max=1)

    def make_target(
            self, output: SimCCVectors,
            view_warp: Optional[ViewWarp]) -> Tuple[SimCCVectors, Tensor]:
        """See :meth:`HeadOutput.make_target`."""
        points, confidence = self.peaks(output)
        target, inside = self._encode(points, view_warp)
        return target, confidence * inside

    def warp_labels(self, target: SimCCVectors, weights: Tensor,
                    view_warp: ViewWarp) -> Tuple[SimCCVectors, Tensor]:
        """See :meth:`HeadOutput.warp_labels`: joints, encoded anew.

        They are read off their bins, so one that lies outside the
        image, but not by three sigma, is taken for one at its border.
        """
        target, inside = self._encode(self.peaks(target)[0], view_warp)
        return target, weights * inside

    def render_target(
            self, output: SimCCVectors,
            view_warp: Optional[ViewWarp]) -> Tuple[SimCCVectors, Tensor]:
        """See :meth:`HeadOutput.render_target`."""
        return self._encode(self.peaks(output)[0], view_warp)

    def _encode(self, points: Tensor,
                view_warp: Optional[ViewWarp]) -> Tuple[SimCCVectors, Tensor]:
        """Vectors of joints (U, K, 2) in a view, and which lie in it."""
        if view_warp is not None:
            points = view_warp.points(points)
        x, y, inside = self.encoder.encode(points)
        return SimCCVectors(x, y), inside

    def mean(self, outputs: Sequence[SimCCVectors]) -> SimCCVectors:
        """See :meth:`HeadOutput.mean`."""
        return self._merge(
            lambda parts: self._merged_logits(
                parts, lambda logs: logs.logsumexp(0) - math.log(len(logs))),
            outputs)

    def maximum(self, outputs: Sequence[SimCCVectors]) -> SimCCVectors:
        """See :meth:`HeadOutput.maximum`."""
        return self._merge(
            lambda parts: self._merged_logits(parts, lambda logs: logs.amax(0)
                                              ), outputs)

    def _merged_logits(self, parts: Tensor, merge: Callable) -> Tensor:
        """Logits (U, K, n) of merged distributions.

        Args:
            parts (Tensor): Logits (N, U, K, n).
            merge (Callable): Log probabilities to those of the result.
        """
        logits = parts.float() * self.beta
        scale = logits.logsumexp(-1, keepdim=True)
        return (merge(logits - scale) + scale.mean(0)) / self.beta

    def flip_back(self,
                  output: SimCCVectors,
                  flip_indices: Sequence[int],
                  shift: Optional[bool] = None) -> SimCCVectors:
        """See :meth:`HeadOutput.flip_back`."""
        indices = on_device(tuple(flip_indices), output.x.device)
        return SimCCVectors(*flip_vectors(*output, flip_indices=indices))

    def unwarp(self, output: SimCCVectors,
               view_warp: ViewWarp) -> SimCCVectors:
        """See :meth:`HeadOutput.unwarp`: always a TypeError."""
        raise TypeError(
            'SimCC vectors cannot be warped back, as a rotation mixes their '
            'axes: model.teacher_pass of a SimCC head must be PlainPass or '
            'FlippedPass')

    def contains(self, target: SimCCVectors) -> Tensor:
        """See :meth:`HeadOutput.contains`."""
        return target.x.any(-1)

    def maps(self, target: SimCCVectors) -> Tensor:
        """See :meth:`HeadOutput.maps`."""
        x, y = (
            part / part.amax(-1, keepdim=True).clamp(min=1e-12)
            for part in target)
        return y[..., None] * x[..., None, :]

    def _joint_losses(self, head: nn.Module, output: SimCCVectors,
                      target: SimCCVectors, weights: Tensor) -> Tensor:
        """See :meth:`HeadOutput.joint_losses`: the loss's criterion."""
        losses = sum(
            head.loss_module.criterion(
                part.flatten(0, 1), truth.flatten(0, 1))
            for part, truth in zip(output, target))
        return losses.view_as(weights).where(weights > 0, math.inf)


def _ideal_peak(label: np.ndarray, loss: nn.Module) -> float:
    """Height of the distribution that the loss makes of a label."""
    if loss.label_softmax:
        label = np.exp(label * loss.label_beta)
    return float(label.max() / label.sum())
