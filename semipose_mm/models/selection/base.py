# Copyright (c) semipose_mm authors.
"""What all selections have in common."""
from abc import ABC, abstractmethod
from typing import Any, Sequence, Union

import torch
from torch import Tensor, nn

from semipose_mm.models.outputs import HeadOutput


class Schedule:
    """A number that may change linearly in the course of the run.

    Args:
        value (float | dict): A number, or ``dict(start=, end=, until=1.)``:
            from ``start`` to ``end`` within the share ``until`` of the run,
            ``end`` from there on.
        key (str): Its config key, for messages.
        low (float): Smallest number allowed.
        high (float): Largest number allowed.

    Raises:
        ValueError: If numbers are out of range or the dict has other keys.
    """

    def __init__(self, value: Union[float, dict], key: str, low: float,
                 high: float) -> None:
        known = {'start', 'end', 'until'}
        parts = dict(value) if isinstance(value, dict) else dict(
            start=value, end=value)
        if not {'start', 'end'} <= set(parts) <= known:
            raise ValueError(
                f'{key} must be a number or dict(start=<number>, '
                f'end=<number>, until=<share of the run>), but got {value}')
        self.start, self.end = parts['start'], parts['end']
        self.until = parts.get('until', 1.)
        if not all(
                isinstance(x, (int, float)) and low <= x <= high
                for x in (self.start, self.end)):
            raise ValueError(
                f'{key} must be in [{low}, {high}], but got {value}')
        if not 0 < self.until <= 1:
            raise ValueError(
                f'{key}.until must be in (0, 1], but got {self.until}')

    def __call__(self, progress: float) -> float:
        """The number at a share of the run in [0, 1]."""
        share = min(progress / self.until, 1.)
        return self.start + (self.end - self.start) * share

    def __repr__(self) -> str:
        if self.start == self.end:
            return repr(self.start)
        return f'dict(start={self.start}, end={self.end}, until={self.until})'


class Selection(nn.Module, ABC):
    """Weighs the joints of a target by what is known of them.

    What a selection remembers is in buffers, so that a checkpoint has
    it.
    """

    #: Whether :meth:`refine` wants the student's losses.
    uses_losses = False

    def prepare(self, num_joints: int) -> None:
        """Make room for what is remembered, before anything is loaded.

        Args:
            num_joints (int): Joints K of the networks.
        """

    @abstractmethod
    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """Weigh joints by what the teachers see on the easy view.

        Args:
            output (HeadOutput): The kind of output.
            outputs (Sequence): Outputs of the route's teachers, see
                ``models/teaching/targets.py`` for their order.
            combined: The one that the target made of them.
            progress (float): Share of the run in [0, 1].

        Returns:
            Tensor: Weights (U, K) in [0, 1], float32.
        """

    @torch.no_grad()
    def refine(self, joint_losses: Tensor, progress: float) -> Tensor:
        """Weigh joints by how far the student is from the target.

        Args:
            joint_losses (Tensor): (U, K) as :meth:`HeadOutput.joint_losses`
                returns them.
            progress (float): Share of the run in [0, 1].

        Returns:
            Tensor: Further weights (U, K) in [0, 1], float32.
        """
        return torch.ones_like(joint_losses)
