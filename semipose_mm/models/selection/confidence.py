# Copyright (c) semipose_mm authors.
"""Joints that the teachers are sure of."""
from typing import Any, Optional, Sequence, Union

import torch
from mmengine.dist import all_gather
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.models.outputs import HeadOutput
from semipose_mm.models.targets import picked
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
        # grows to the window with the first batches
        self.register_buffer('history', torch.zeros(0, 0))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args,
                              **kwargs) -> None:
        """Take a history of any length."""
        stored = state_dict.get(f'{prefix}history')
        if stored is not None:
            self.history = self.history.new_empty(stored.shape)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`."""
        scores = output.peaks(combined)[1].nan_to_num(0)
        seen = torch.cat(all_gather(scores.contiguous()))
        old = self.history if len(self.history) else seen[:0]
        self.history = torch.cat([old, seen])[-max(self.window, len(seen)):]
        kept = max(1, round(self.keep(progress) * len(self.history)))
        thresholds = self.history.sort(0, descending=True)[0][kept - 1]
        return (scores >= thresholds).float()

    def extra_repr(self) -> str:
        """What the module's ``repr`` tells."""
        return f'keep={self.keep}, window={self.window}'
