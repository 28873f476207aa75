# Copyright (c) semipose_mm authors.
"""Heatmaps: one map for each joint."""
import math
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch
from mmpose.models.losses import KeypointMSELoss
from mmpose.models.utils.tta import flip_heatmaps
from torch import Tensor, nn

from semipose_mm.structures import ViewWarp, heatmap_peaks
from semipose_mm.structures.geometry import warp
from .constants import on_device
from .head_output import HeadOutput
from .heatmap_encoding import HeatmapEncoder, subpixel_peaks


class HeatmapOutput(HeadOutput):
    """Heatmaps (B, K, h, w) of a ``HeatmapHead`` with ``KeypointMSELoss``.

    A teacher's heatmaps are the target as they are, warped, as in
    PoseDual (Xie et al., ICCV 2021). Pixels whose pre-image lies
    outside the easy crop have no weight.

    With a ``foreground_weight`` f above 1, the squared error of a pixel
    counts 1 + (f - 1) min(max(target, 0), 1) times: f at a joint, 1 far from
    all. It keeps a network from predicting background alone.

    Args:
        head (nn.Module): See :class:`HeadOutput`.
        foreground_weight (float): As above. Defaults to 1.
    """

    def __init__(self, head: nn.Module, foreground_weight: float = 1.) -> None:
        super().__init__(head, foreground_weight)
        self._decoder = head.decoder

    @classmethod
    def check_head(cls, head: nn.Module, key: str) -> None:
        """See :meth:`HeadOutput.check_head`."""
        if not isinstance(head.loss_module, KeypointMSELoss):
            raise TypeError(
                f'{key}.loss.type is {type(head.loss_module).__name__}, but '
                'weighted heatmap targets need KeypointMSELoss or a subclass')

    @staticmethod
    def traits(head: nn.Module) -> Dict[str, Any]:
        """See :meth:`HeadOutput.traits`."""
        codec = head.decoder
        return {
            'out_channels': head.out_channels,
            'decoder.input_size': tuple(codec.input_size),
            'decoder.heatmap_size': tuple(codec.heatmap_size),
            'decoder.type': type(codec).__name__
        }

    @staticmethod
    def final_layers(head: nn.Module) -> List[nn.Module]:
        """See :meth:`HeadOutput.final_layers`."""
        layers = [head.deconv_layers, head.conv_layers, head.final_layer]
        return [x for x in layers if any(True for _ in x.parameters())][-1:]

    @staticmethod
    def apply(function: Callable, *outputs: Tensor) -> Any:
        """See :meth:`HeadOutput.apply`."""
        return function(*outputs)

    def labeled_targets(self, labels: Dict[str, Tensor]) -> Tensor:
        """Heatmaps (B, K, h, w) that ``GenerateTarget`` has made."""
        if 'heatmaps' not in labels:
            raise self.wrong_encoder('a heatmap codec')
        return labels['heatmaps']

    def peaks(self, output: Tensor) -> Tuple[Tensor, Tensor]:
        """See :meth:`HeadOutput.peaks`; confidence is the peak's height."""
        points, heights = heatmap_peaks(output)
        return self.codec.to_input(points), heights

    def make_target(self, output: Tensor,
                    view_warp: Optional[ViewWarp]) -> Tuple[Tensor, Tensor]:
        """See :meth:`HeadOutput.make_target`."""
        target = view_warp.heatmaps(output) if view_warp else output
        if view_warp is None or view_warp.valid is None:
            return target, target.new_ones(target.shape[:2])
        return target, view_warp.valid.expand_as(target)

    def warp_labels(self, target: Tensor, weights: Tensor,
                    view_warp: ViewWarp) -> Tuple[Tensor, Tensor]:
        """See :meth:`HeadOutput.warp_labels`."""
        target, valid = self.make_target(target, view_warp)
        weights = weights.reshape(weights.shape + (1, ) * (valid.dim() - 2))
        return target, valid * weights

    def check_rendering(self) -> None:
        """See :meth:`HeadOutput.check_rendering`."""
        HeatmapEncoder.from_codec(self._decoder)

    def render_target(self, output: Tensor,
                      view_warp: Optional[ViewWarp]) -> Tuple[Tensor, Tensor]:
        """See :meth:`HeadOutput.render_target`.

        Peaks are found by :func:`subpixel_peaks`; maps without anything above
        0 have no weight.
        """
        encoder = HeatmapEncoder.from_codec(self._decoder)
        points, heights = subpixel_peaks(output)
        points = self.codec.to_input(points)
        if view_warp is not None:
            points = view_warp.points(points)
        target, inside = encoder.encode(points)
        seen = inside * (heights > 0)
        return target * seen[..., None, None], seen

    def mean(self, outputs: Sequence[Tensor]) -> Tensor:
        """See :meth:`HeadOutput.mean`."""
        return self._merge(lambda maps: maps.mean(0), outputs)

    def maximum(self, outputs: Sequence[Tensor]) -> Tensor:
        """See :meth:`HeadOutput.maximum`."""
        return self._merge(lambda maps: maps.amax(0), outputs)

    def flip_back(self,
                  output: Tensor,
                  flip_indices: Sequence[int],
                  shift: Optional[bool] = None) -> Tensor:
        """See :meth:`HeadOutput.flip_back`."""
        if shift is None:
            # a mirrored pixel x of W is W - 1 - x
            width, map_width = (self.codec.input_size[0],
                                self.codec.heatmap_size[0])
            lost = map_width - 1 - (width - 1) / self.codec.scale_factor[0]
            shift = lost < -0.5
        return flip_heatmaps(
            output,
            flip_indices=on_device(tuple(flip_indices), output.device),
            shift_heatmap=shift)

    def unwarp(self, output: Tensor, view_warp: ViewWarp) -> Tensor:
        """See :meth:`HeadOutput.unwarp`; 0 where the view shows nothing."""
        return warp(output, _inverse(view_warp.heatmap_theta),
                    view_warp.align_corners)

    def contains(self, target: Tensor) -> Tensor:
        """See :meth:`HeadOutput.contains`."""
        return target.flatten(2).any(-1)

    def maps(self, target: Tensor) -> Tensor:
        """See :meth:`HeadOutput.maps`."""
        return target

    def loss(self, head: nn.Module, output: Tensor, target: Tensor,
             weights: Tensor) -> Tensor:
        """See :meth:`HeadOutput.loss`."""
        return super().loss(head, output, target,
                            self._weighted_foreground(target, weights))

    def _weighted_foreground(self, target: Tensor, weights: Tensor) -> Tensor:
        """Weights (U, K) or (U, K, h, w), with that of the foreground."""
        if self.foreground_weight == 1:
            return weights
        if weights.dim() == 2:
            weights = weights[..., None, None]
        more = (self.foreground_weight - 1) * target.float().clamp(0, 1)
        return weights * (1 + more)

    def _joint_losses(self, head: nn.Module, output: Tensor, target: Tensor,
                      weights: Tensor) -> Tensor:
        """See :meth:`HeadOutput.joint_losses`: the mean squared error."""
        weights = self._weighted_foreground(target, weights)
        if weights.dim() == 2:
            weights = weights[..., None, None]
        errors = weights * (output - target)**2
        total = weights.expand_as(errors).sum((-2, -1))
        return (errors.sum((-2, -1)) / total).where(total > 0, math.inf)


def _inverse(theta: Tensor) -> Tensor:
    """The inverse (B, 2, 3) of affine motions (B, 2, 3)."""
    # in closed form, as linalg.inv waits for the device
    (a, b, e), (c, d, f) = (row.unbind(-1) for row in theta.unbind(1))
    rows = (d, -b, b * f - d * e), (-c, a, c * e - a * f)
    inverse = torch.stack([torch.stack(row, -1) for row in rows], -2)
    return inverse / (a * d - b * c)[:, None, None]
