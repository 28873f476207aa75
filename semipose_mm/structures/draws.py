# Copyright (c) semipose_mm authors.
"""Random numbers of a step: uniforms of the samples, dealt out in order.

The loader is the only place where anything is drawn. Each unlabeled sample
carries uniforms in (0, 1); operations ask for distributions, which the
inverse of the distribution function makes of the next columns. So whoever
draws declares nothing, and :func:`count_draws` tells how much is used.
"""
import math
from typing import Callable

import torch
from torch import Tensor

#: Columns by which draws are counted: more than any recipe uses.
_MANY = 1 << 16


class Draws:
    """Hands out consecutive columns of the uniforms.

    Args:
        uniforms (Tensor): (U, N) in (0, 1).
    """

    def __init__(self, uniforms: Tensor) -> None:
        self.uniforms = uniforms
        #: int: Columns handed out.
        self.used = 0

    def __len__(self) -> int:
        """Samples U."""
        return len(self.uniforms)

    def uniform(self, *shape: int) -> Tensor:
        """Uniforms (U, *shape) in (0, 1)."""
        start, self.used = self.used, self.used + math.prod(shape)
        return self.uniforms[:, start:self.used].reshape(len(self), *shape)

    def normal(self,
               *shape: int,
               mean: float = 0.,
               std: float = 1.,
               low: float = -math.inf,
               high: float = math.inf) -> Tensor:
        """Normal variates (U, *shape), their tails moved onto the bounds.

        Args:
            *shape (int): Of each sample's.
            mean (float): Before clipping. Defaults to 0.
            std (float): Before clipping. Defaults to 1.
            low (float): Lower bound. Defaults to none.
            high (float): Upper bound. Defaults to none.
        """
        variates = torch.special.ndtri(self.uniform(*shape))
        return (mean + std * variates).clamp(low, high)

    def choice(self, *shape: int, num: int) -> Tensor:
        """Integers (U, *shape) from 0 to ``num - 1``, equally likely."""
        return (self.uniform(*shape) * num).long().clamp_(max=num - 1)

    def integers(self, *shape: int, low: int, high: int) -> Tensor:
        """Integers (U, *shape) from low to high, both included."""
        return low + self.choice(*shape, num=high - low + 1)

    def permutation(self, num: int) -> Tensor:
        """An order (U, num) of 0 to ``num - 1`` for each sample."""
        return self.uniform(num).argsort(-1)

    def donors(self, *shape: int) -> Tensor:
        """Numbers (U, *shape) of other samples of the batch, never its own.

        A batch of one sample has no other: it gives itself.
        """
        number, own = len(self), torch.arange(
            len(self), device=self.uniforms.device)
        own = own.reshape(-1, *[1] * len(shape))
        return (own + 1 + self.choice(*shape, num=max(number - 1, 1))) % number


def count_draws(draw: Callable[[Draws], object]) -> int:
    """Uniforms of a sample that a function consumes.

    Args:
        draw (Callable): Takes what it needs from :class:`Draws`.
    """
    draws = Draws(torch.full((2, _MANY), 0.5))
    draw(draws)
    return draws.used
