# Copyright (c) semipose_mm authors.
"""Heatmaps: one map for each joint."""
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from mmpose.models.heads import HeatmapHead
from mmpose.models.losses import KeypointMSELoss
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.utils.typing import SampleList
from torch import Tensor, nn

from semipose_mm.structures import ViewWarp, heatmap_peaks
from .head_output import HeadOutput
from .prediction import Prediction


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

    def lesson(self, output: Tensor,
               view_warp: Optional[ViewWarp]) -> Tuple[Tensor, Tensor]:
        """See :meth:`HeadOutput.lesson`."""
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

    def predict(self, net: nn.Module, feats: Any, data_samples: SampleList,
                test_cfg: dict) -> Prediction:
        """See :meth:`HeadOutput.predict`."""
        head, asked = net.head, test_cfg.get('output_heatmaps', False)
        if type(head).predict is not HeatmapHead.predict:
            instances, fields = head.predict(
                feats, data_samples, dict(test_cfg, output_heatmaps=True))
            output = torch.stack([field.heatmaps for field in fields])
            return Prediction(head, output, output if asked else None,
                              instances)
        if test_cfg.get('flip_test', False):
            output, flipped = (self.float(head(part)) for part in feats)
            output = (output + flip_heatmaps(
                flipped,
                flip_mode=test_cfg.get('flip_mode', 'heatmap'),
                flip_indices=self.flip_indices(data_samples, flipped),
                shift_heatmap=test_cfg.get('shift_heatmap', False))) * 0.5
        else:
            output = self.float(head(feats))
        return Prediction(head, output, output.detach() if asked else None)
