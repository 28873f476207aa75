# Copyright (c) semipose_mm authors.
"""Selections made of several ones."""
from typing import Any, Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from semipose_mm.models.building import build_part, check_list
from semipose_mm.models.outputs import HeadOutput
from .base import Selection


class _CombinedSelection(Selection):
    """Several selections.

    Args:
        of (Sequence[dict]): Their configs.

    Raises:
        ValueError: If there is none.
    """

    def __init__(self, of: Sequence[dict]) -> None:
        super().__init__()
        key = f'model.routes[].select.of of {type(self).__name__}'
        if not of:
            raise ValueError(f'{key} must name a selection, but is empty')
        self.of = nn.ModuleList(
            build_part(cfg, f'{key}[{i}]', (
                'refine', 'prepare'), 'ScoreSelection, AgreementSelection')
            for i, cfg in enumerate(
                check_list(of, key, "dict(type='ScoreSelection')")))

    @property
    def uses_losses(self) -> bool:
        """bool: Whether one of them wants the student's losses."""
        return any(part.uses_losses for part in self.of)

    def prepare(self, num_joints: int) -> None:
        """See :meth:`Selection.prepare`."""
        for part in self.of:
            part.prepare(num_joints)

    def _weights(self, output: HeadOutput, outputs: Sequence[Any],
                 combined: Any, progress: float) -> Tensor:
        """Weights (N, U, K) of all."""
        return torch.stack(
            [part(output, outputs, combined, progress) for part in self.of])


@MODELS.register_module()
class ProductSelection(_CombinedSelection):
    """Joints weigh by the product of several selections: all must keep them.

    Args:
        of (Sequence[dict]): Configs of selections.
    """

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`."""
        return self._weights(output, outputs, combined, progress).prod(0)

    @torch.no_grad()
    def refine(self, joint_losses: Tensor, progress: float) -> Tensor:
        """See :meth:`Selection.refine`."""
        return torch.stack(
            [part.refine(joint_losses, progress) for part in self.of]).prod(0)


@MODELS.register_module()
class EitherSelection(_CombinedSelection):
    """Joints weigh by the largest of several selections: one may keep them.

    Args:
        of (Sequence[dict]): Configs of selections, none of them by losses.

    Raises:
        ValueError: If there is none, or one that uses losses.
    """

    def __init__(self, of: Sequence[dict]) -> None:
        super().__init__(of)
        if self.uses_losses:
            raise ValueError(
                'model.routes[].select.of of EitherSelection names a '
                'selection by losses, which are known after the others have '
                'chosen: put it into a ProductSelection')

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`."""
        return self._weights(output, outputs, combined, progress).amax(0)
