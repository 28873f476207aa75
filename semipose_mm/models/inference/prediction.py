# Copyright (c) semipose_mm authors.
"""What networks say at test time, and its poses on the host."""
from typing import Any, List, NamedTuple, Optional, Sequence, Union

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import InstanceList
from torch import Tensor, nn

from .decoding import BatchDecoder, build_decoder


class Prediction(NamedTuple):
    """What a network says at test time.

    Attributes:
        head (nn.Module): The head whose decoder reads the output.
        output: Flip-tested output of the head in float32.
        maps (Tensor, optional): Heatmaps (B, K, h, w) to look at, where
            ``test_cfg.output_heatmaps`` asks for them.
        instances (list, optional): Keypoints in input space, where the head
            predicts in a way of its own.
    """
    head: nn.Module
    output: Any
    maps: Optional[Tensor] = None
    instances: Optional[InstanceList] = None


class Poses(NamedTuple):
    """Decoded poses of a batch.

    Attributes:
        keypoints (np.ndarray): (B, K, 2).
        scores (np.ndarray): (B, K).
        visible (np.ndarray): (B, K), the scores if nothing else is known.
    """
    keypoints: np.ndarray
    scores: np.ndarray
    visible: np.ndarray

    def instances(self) -> InstanceList:
        """The poses as heads return them, one in each sample."""
        return [
            InstanceData(
                keypoints=self.keypoints[i:i + 1],
                keypoint_scores=self.scores[i:i + 1],
                keypoints_visible=self.visible[i:i + 1])
            for i in range(len(self.keypoints))
        ]


def decode_together(
        predictions: Sequence[Prediction]) -> List[Union[Poses, InstanceList]]:
    """Decode with one copy from the device for all predictions.

    Args:
        predictions (Sequence[Prediction]): Of as many joints each.

    Returns:
        list: :class:`Poses` in input space, or what the head decodes where
        its way is not known here.
    """
    decoders = [_decoder_of(prediction) for prediction in predictions]
    located = [
        _locate(decoder, prediction.output)
        for decoder, prediction in zip(decoders, predictions) if decoder
    ]
    if located:
        ends = np.cumsum([part.shape[-1] for part in located])
        arrays = iter(
            np.split(torch.cat(located, -1).cpu().numpy(), ends[:-1], -1))
    return [
        _poses(decoder, next(arrays)) if decoder else prediction.instances
        or prediction.head.decode(prediction.output)
        for decoder, prediction in zip(decoders, predictions)
    ]


def _decoder_of(prediction: Prediction) -> Optional[BatchDecoder]:
    """The decoder in batch, if a head decodes as MMPose's heads do."""
    head, output = prediction.head, prediction.output
    part = output if isinstance(output, Tensor) else output[0]
    # codecs compute in double precision, which Apple's GPUs do not have
    if part.device.type == 'mps' or prediction.instances or type(
            head).decode is not BaseHead.decode:
        return None
    return build_decoder(head.decoder)


@torch.no_grad()
def _locate(decoder: BatchDecoder, output: Any) -> Tensor:
    """Points and values (B, K, n) in full precision."""
    part = output if isinstance(output, Tensor) else output[0]
    with torch.autocast(part.device.type, enabled=False):
        return decoder.locate(output)


def _poses(decoder: BatchDecoder, located: np.ndarray) -> Poses:
    """Poses in input space."""
    keypoints = decoder.to_input(located[..., :2])
    # each on its own, for whoever keeps one of them
    scores, *visible = np.ascontiguousarray(
        np.moveaxis(located[..., 2:], -1, 0))
    return Poses(keypoints, scores, visible[0] if visible else scores)
