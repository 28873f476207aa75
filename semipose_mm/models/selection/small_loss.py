# Copyright (c) semipose_mm authors.
"""Joints that the student finds easy to believe."""
from typing import Any, Sequence, Union

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.models.outputs import HeadOutput
from .base import Schedule, Selection


@MODELS.register_module()
class SmallLossSelection(Selection):
    """The share of joints of a batch that have the smallest losses.

    Networks fit what is right before what is wrong, so a large loss is a sign
    of a wrong target (ScarceNet: Li and Lee, CVPR 2023, where the share falls
    to 0.8; there by a cosine, here linearly). Joints without weight are not
    counted. Each rank selects from its own batch.

    Args:
        keep (float | dict): Kept share in [0, 1], maybe scheduled; one is
            kept in any case. Defaults to ``dict(start=1., end=0.8,
            until=0.06)``

    Raises:
        ValueError: If the share is out of its range.
    """

    uses_losses = True

    def __init__(
        self, keep: Union[float, dict] = dict(start=1., end=0.8, until=0.06)
    ) -> None:
        super().__init__()
        self.keep = Schedule(
            keep, 'model.routes[].select.keep of SmallLossSelection', 0, 1)

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`: all joints."""
        return torch.ones_like(output.peaks(combined)[1])

    @torch.no_grad()
    def refine(self, joint_losses: Tensor, progress: float) -> Tensor:
        """See :meth:`Selection.refine`."""
        counted = joint_losses.isfinite()
        kept = (self.keep(progress) * counted.sum()).round().long()
        ordered = joint_losses.where(counted, float('inf')).flatten().sort()[0]
        largest = ordered.gather(0, (kept - 1).clamp(min=0)[None])
        return ((joint_losses <= largest) & counted).float()

    def extra_repr(self) -> str:
        """What the module's ``repr`` tells."""
        return f'keep={self.keep}'
