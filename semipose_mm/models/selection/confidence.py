# Copyright (c) semipose_mm authors.
"""Joints that the teachers are sure of."""
from typing import Any, Optional, Sequence, Union

import torch
from mmengine.dist import all_gather
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.models.outputs import HeadOutput
from semipose_mm.models.teaching.targets import picked
from .base import Schedule, Selection


@MODELS.register_module()
class ScoreSelection(Selection):
    """Joints whose mean confidence is above a threshold.

    With the confidences c_n of the outputs, c = mean_n c_n: the weight is
    c^power where c > thr, else 0. SSPCM (Huang et al., CVPR 2023) has thr =
    0.1 and power = 0.

    Args:
        thr (float | dict): Threshold in [0, 1], maybe scheduled.
            Defaults to 0.1
        power (float): Power of the confidence by which kept joints weigh; 0
            weighs them all alike. Defaults to 0.
        outputs (Sequence[int], optional): Positions of the outputs whose
            confidences are averaged. Defaults to ``None``, all

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 thr: Union[float, dict] = 0.1,
                 power: float = 0.,
                 outputs: Optional[Sequence[int]] = None) -> None:
        super().__init__()
        if power < 0:
            raise ValueError('model.routes[].select.power of ScoreSelection '
                             f'must not be negative, but got {power}')
        self.thr = Schedule(thr, 'model.routes[].select.thr of ScoreSelection',
                            0, 1)
        self.power = power
        self.outputs = outputs

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`."""
        used = picked(outputs, self.outputs, 'model.routes[].select.outputs')
        scores = torch.stack([output.peaks(part)[1] for part in used]).mean(0)
        # peaks of heatmaps may be negative, or above those of labels
        return scores.clamp(0, 1)**self.power * (scores > self.thr(progress))

    def extra_repr(self) -> str:
        """What the module's ``repr`` tells."""
        return f'thr={self.thr}, power={self.power}, outputs={self.outputs}'


@MODELS.register_module()
class QuantileSelection(Selection):
    """The most confident share of each joint in what was seen lately.

    A joint is kept if the confidence of the target is at least the
    ``1 - keep`` quantile of its confidences in the last samples, these
    included. Joints thus are compared with themselves: none is left out for
    being difficult, and no threshold depends on the height of peaks. All
    ranks remember the samples of all.

    Args:
        keep (float | dict): Kept share in [0, 1], maybe scheduled; one is
            kept in any case. Defaults to 0.5
        window (int): Samples that are remembered; less than a batch of all
            ranks stands for that batch. Defaults to 2048

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 keep: Union[float, dict] = 0.5,
                 window: int = 2048) -> None:
        super().__init__()
        if window < 1:
            raise ValueError('model.routes[].select.window of '
                             f'QuantileSelection must be at least 1, but got '
                             f'{window}')
        self.keep = Schedule(
            keep, 'model.routes[].select.keep of QuantileSelection', 0, 1)
        self.window = window

    def prepare(self, num_joints: int) -> None:
        """See :meth:`Selection.prepare`."""
        # -1 where nothing has been seen yet
        self.register_buffer('history',
                             torch.full((self.window, num_joints), -1.))

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`."""
        scores = output.peaks(combined)[1].nan_to_num(0).clamp(min=0)
        seen = torch.cat(all_gather(scores.contiguous()))
        remembered = torch.cat([self.history,
                                seen])[-max(self.window, len(seen)):]
        # in place, as what is undone after a failed step is the tensor
        self.history.copy_(remembered[-self.window:])
        filled = (remembered >= 0).sum(0)
        kept = (self.keep(progress) * filled).round().long().clamp(min=1)
        ranked = remembered.sort(0, descending=True)[0]
        return (scores >= ranked.gather(0, kept[None] - 1)).float()

    def extra_repr(self) -> str:
        """What the module's ``repr`` tells."""
        return f'keep={self.keep}, window={self.window}'
