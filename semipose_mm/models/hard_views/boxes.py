# Copyright (c) semipose_mm authors.
"""Boxes in images: which pixels they hold, and operations that have them."""
from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor

from semipose_mm.structures import Draws
from .operation import Operation, are_counts, is_count, is_number


def image_size(images: Tensor) -> Tuple[int, int]:
    """Size (W, H) of images (U, 3, H, W)."""
    height, width = images.shape[-2:]
    return width, height


def between(low: Tensor, high: Tensor, num: int) -> Tensor:
    """Which of ``num`` pixels lie in [low, high) of (U, n): (U, n, num)."""
    pixels = torch.arange(num, device=low.device)
    return (pixels >= low[..., None]) & (pixels < high[..., None])


def box_masks(low: Tensor, high: Tensor, size: Tuple[int, int]) -> Tensor:
    """Pixels of boxes: (U, n, H, W), ``True`` inside.

    Args:
        low (Tensor): First x and y (U, n, 2) of boxes in pixels.
        high (Tensor): Where they end (U, n, 2), not included.
        size (tuple): Image size (W, H).
    """
    in_x, in_y = (
        between(low[..., i], high[..., i], size[i]) for i in range(2))
    return in_y[..., None] & in_x[:, :, None]


def union_mask(centers: Tensor,
               half_sizes: Tensor,
               size: Tuple[int, int],
               limits: Optional[Tuple[int, int]] = None) -> Tensor:
    """Pixels in any box about given centres: (U, H, W).

    Args:
        centers (Tensor): (U, n, 2) in whole pixels.
        half_sizes (Tensor): Half widths and heights (U, n, 2).
        size (tuple): Image size (W, H).
        limits (tuple, optional): Largest x and y of a box. Defaults to the
            image's.
    """
    edges = [(centers + sign * half_sizes).unbind(-1) for sign in (-1, 1)]
    low, high = (
        torch.stack(
            [part.clamp(0, most)
             for part, most in zip(edge, limits or size)], -1)
        for edge in edges)
    return box_masks(low, high, size).any(1)


def at_joints(values: Tensor, joints: Tensor) -> Tensor:
    """Values (U, K, 2) of numbered joints (U, n): (U, n, 2)."""
    return values.gather(1, joints[..., None].expand(-1, -1, 2))


class BoxOperation(Operation):
    """An operation on ``num`` boxes of random size.

    Args:
        num (int): Boxes of an image.
        half_size (tuple): Smallest and largest half width and half height
            of a box in input pixels.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self, num: int, half_size: Sequence[int]) -> None:
        self.num = num
        self.half_size = half_size
        self.check('num', is_count(num), 'a whole number from 1 on')
        self.check('half_size',
                   are_counts(half_size) and half_size[0] <= half_size[1],
                   'whole numbers (smallest, largest) above 0')
        self.half_size = tuple(half_size)

    def limits(self, size: Tuple[int, int]) -> Tuple[int, int]:
        """Largest x and y of a box, for an image size (W, H)."""
        return size

    def draw_half_sizes(self, draws: Draws, number: int) -> Tensor:
        """Half widths and heights (U, number, 2) in input pixels."""
        low, high = self.half_size
        return draws.integers(number, 2, low=low, high=high)


class JointBoxOperation(BoxOperation):
    """An operation on boxes about joints.

    Args:
        num (int): See :class:`BoxOperation`.
        half_size (tuple): See :class:`BoxOperation`.
        jitter (float): Standard deviation of a centre about its joint in
            input pixels.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self, num: int, half_size: Sequence[int],
                 jitter: float) -> None:
        super().__init__(num, half_size)
        self.jitter = jitter
        self.check('jitter',
                   is_number(jitter) and jitter >= 0, 'a number from 0 on')


class ReleasedCandidates:
    """Mixin: the released networks' channels, which are not all joints.

    Args:
        num_candidates (int, optional): Channels among which joints are
            drawn; ``None`` stands for those of the network.
        **kwargs: Parameters of the operation.
    """

    def __init__(self, num_candidates: Optional[int] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.num_candidates = num_candidates
        self.check('num_candidates', num_candidates is None
                   or is_count(num_candidates), 'a whole number from 1 on')


class ExchangedLimits:
    """Mixin: the released code takes width for height, and the reverse."""

    def limits(self, size: Tuple[int, int]) -> Tuple[int, int]:
        """See :meth:`BoxOperation.limits`."""
        return size[::-1]
