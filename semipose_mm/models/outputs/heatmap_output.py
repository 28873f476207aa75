# Copyright (c) semipose_mm authors.
"""Heatmaps: one map for each joint."""
from typing import Any, Callable, Dict, List, Optional, Tuple

from mmpose.models.losses import KeypointMSELoss
from torch import Tensor, nn

from semipose_mm.structures import ViewWarp, heatmap_peaks
from .head_output import HeadOutput


class HeatmapOutput(HeadOutput):
    """Heatmaps (B, K, h, w) of a ``HeatmapHead`` with ``KeypointMSELoss``.

    A teacher's heatmaps are the target as they are, warped, as in
    PoseDual (Xie et al., ICCV 2021). Pixels whose pre-image lies
    outside the easy crop have no weight.
    """

    @classmethod
    def check_head(cls, head: nn.Module, key: str) -> None:
        """See :meth:`HeadOutput.check_head`."""
        if type(head.loss_module) is not KeypointMSELoss:
            raise TypeError(
                f'{key}.loss.type is {type(head.loss_module).__name__}, but '
                'weighted heatmap targets need KeypointMSELoss')

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

    def contains(self, target: Tensor) -> Tensor:
        """See :meth:`HeadOutput.contains`."""
        return target.flatten(2).any(-1)

    def maps(self, target: Tensor) -> Tensor:
        """See :meth:`HeadOutput.maps`."""
        return target
