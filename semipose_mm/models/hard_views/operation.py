# Copyright (c) semipose_mm authors.
"""What all operations of hard views have in common."""
import math
from abc import ABC, abstractmethod
from typing import Any, Sequence

from torch import Tensor

from semipose_mm.structures import Draws


class Operation(ABC):
    """An operation of a hard view: draws, and a pure function of them.

    Its attributes are its parameters.
    """

    #: Whether it takes pixels of other samples of the batch.
    needs_donor = False
    #: Whether it acts on the warped view, and its network's features are
    #: to be put back.
    after_warp = False

    @abstractmethod
    def draw(self, draws: Draws, num_joints: int) -> Any:
        """Draw what the operation needs, whatever the images are.

        Args:
            draws (Draws): Uniforms of the samples.
            num_joints (int): Joints of the network.

        Returns:
            NamedTuple: Of tensors.
        """

    @abstractmethod
    def apply(self, images: Tensor, peaks: Tensor, drawn: Any) -> Tensor:
        """Change images as drawn.

        Args:
            images (Tensor): Normalized images (U, 3, H, W).
            peaks (Tensor): Joints (U, K, 2) in input pixels; unknown ones
                lie far outside.
            drawn (NamedTuple): What :meth:`draw` returns.

        Returns:
            Tensor: New images of the same shape.
        """

    def __call__(self, images: Tensor, peaks: Tensor, draws: Draws) -> Tensor:
        """Draw and change a batch, see :meth:`apply`."""
        return self.apply(images, peaks, self.draw(draws, peaks.shape[1]))

    def check(self, name: str, fine: bool, allowed: str) -> None:
        """Refuse a parameter unless it is fine.

        Raises:
            ValueError: With the parameter's key, value and what is allowed.
        """
        if not fine:
            raise ValueError(
                f'model.views[].ops[].{name} of {self.__class__.__name__} '
                f'must be {allowed}, but got {getattr(self, name)!r}')

    def __repr__(self) -> str:
        parameters = ', '.join(f'{name}={value!r}'
                               for name, value in vars(self).items())
        return f'{self.__class__.__name__}({parameters})'


class DonorOperation(Operation):
    """An operation that takes pixels of another sample of the batch."""

    needs_donor = True

    def draw_donors(self, draws: Draws) -> Tensor:
        """Numbers (U,) of the samples that give, never one's own."""
        return draws.donors()


class PermutedDonors:
    """Mixin: the released code's donors, a permutation of the batch.

    A sample may be its own donor.
    """

    def draw_donors(self, draws: Draws) -> Tensor:
        """See :meth:`DonorOperation.draw_donors`."""
        return draws.uniform().argsort()


def is_count(value: Any, least: int = 1) -> bool:
    """Whether a parameter is a whole number of at least ``least``."""
    return (isinstance(value, int) and not isinstance(value, bool)
            and value >= least)


def is_number(value: Any) -> bool:
    """Whether a parameter is a finite number."""
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and math.isfinite(value))


def are_counts(values: Any, least: int = 1) -> bool:
    """Whether a parameter is a pair of whole numbers of at least that."""
    return (isinstance(values, Sequence) and len(values) == 2
            and all(is_count(value, least) for value in values))
