# Copyright (c) semipose_mm authors.
"""How networks of one kind of output predict, alone and together."""
from abc import ABC, abstractmethod
from typing import Any, Dict, Sequence, Type

import torch
from mmpose.models.heads import HeatmapHead, RTMCCHead, RTMWHead, SimCCHead
from mmpose.models.utils.tta import flip_heatmaps, flip_vectors
from mmpose.utils.typing import SampleList
from torch import Tensor, nn

from semipose_mm.models.outputs import HeadOutput, HeatmapOutput, SimCCOutput
from semipose_mm.models.outputs.constants import on_device
from .prediction import Prediction

#: What heads predict by, without maps: flip, mean and their codec.
_STOCK_PREDICTIONS = {
    head.predict
    for head in (RTMCCHead, RTMWHead, SimCCHead)
}


class Predictor(ABC):
    """Predicts from features as MMPose's heads do.

    Args:
        output (HeadOutput): The kind of output of all networks.
    """

    def __init__(self, output: HeadOutput) -> None:
        self.output = output

    @abstractmethod
    def predict(self, net: nn.Module, feats: Any, data_samples: SampleList,
                test_cfg: dict) -> Prediction:
        """Predict from the features of a network.

        Args:
            net (nn.Module): The network.
            feats (tuple | list): Features; with a flip test, a list of those
                of the images and of the flipped ones.
            data_samples (list): Data samples with ``flip_indices``.
            test_cfg (dict): As in MMPose.
        """

    def ensemble(self, head: nn.Module,
                 predictions: Sequence[Prediction]) -> Prediction:
        """Predict by the mean output.

        Args:
            head (nn.Module): Head of network 0, which decodes.
            predictions (Sequence[Prediction]): One of each network.
        """
        output = self.output.mean([p.output for p in predictions])
        maps = None
        if predictions[0].maps is not None:
            maps = torch.stack([p.maps for p in predictions]).mean(0)
        return Prediction(head, output, maps)


def _flip_indices(data_samples: SampleList, output: Tensor) -> Tensor:
    """Where each joint of a flipped image is, beside an output."""
    indices = data_samples[0].metainfo['flip_indices']
    return on_device(tuple(indices), output.device)


class HeatmapPredictor(Predictor):
    """Of heads with heatmaps."""

    def predict(self, net: nn.Module, feats: Any, data_samples: SampleList,
                test_cfg: dict) -> Prediction:
        """See :meth:`Predictor.predict`."""
        head, asked = net.head, test_cfg.get('output_heatmaps', False)
        if type(head).predict is not HeatmapHead.predict:
            instances, fields = head.predict(
                feats, data_samples, dict(test_cfg, output_heatmaps=True))
            output = torch.stack([field.heatmaps for field in fields])
            return Prediction(head, output, output if asked else None,
                              instances)
        to_float = self.output.float
        if test_cfg.get('flip_test', False):
            output, flipped = (to_float(head(part)) for part in feats)
            output = (output + flip_heatmaps(
                flipped,
                flip_mode=test_cfg.get('flip_mode', 'heatmap'),
                flip_indices=_flip_indices(data_samples, flipped),
                shift_heatmap=test_cfg.get('shift_heatmap', False))) * 0.5
        else:
            output = to_float(head(feats))
        return Prediction(head, output, output.detach() if asked else None)


class SimCCPredictor(Predictor):
    """Of heads with SimCC vectors."""

    def predict(self, net: nn.Module, feats: Any, data_samples: SampleList,
                test_cfg: dict) -> Prediction:
        """See :meth:`Predictor.predict`."""
        head, asked = net.head, test_cfg.get('output_heatmaps', False)
        to_float = self.output.float
        if test_cfg.get('flip_test', False):
            plain, flipped = (to_float(head(part)) for part in feats)
            flipped = flip_vectors(
                *flipped, flip_indices=_flip_indices(data_samples, plain[0]))
            output = self.output.apply(lambda a, b: (a + b) * 0.5, plain,
                                       flipped)
        else:
            output = to_float(head(feats))
        if not asked and type(head).predict in _STOCK_PREDICTIONS:
            return Prediction(head, output)
        # heads differ in how they make maps of vectors
        found = head.predict(feats, data_samples, test_cfg)
        if not asked:
            return Prediction(head, output, instances=found)
        instances, fields = found
        maps = torch.stack([field.heatmaps for field in fields])
        return Prediction(head, output, maps, instances)


#: Kinds of outputs and who predicts by them.
KINDS: Dict[Type[HeadOutput], Type[Predictor]] = {
    HeatmapOutput: HeatmapPredictor,
    SimCCOutput: SimCCPredictor
}


def build_predictor(output: HeadOutput) -> Predictor:
    """The predictor of a kind of output."""
    return KINDS[type(output)](output)
