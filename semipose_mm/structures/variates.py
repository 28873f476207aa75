# Copyright (c) semipose_mm authors.
"""From standard uniforms to the distributions that hard views need.

The loader is the only place where anything is drawn: each unlabeled sample
carries uniforms in (0, 1), and these functions turn them into parameters on
the device, by the inverse of the distribution function.
"""
import torch
from torch import Tensor


def clipped_normal(uniforms: Tensor, mean: float, std: float, low: float,
                   high: float) -> Tensor:
    """Normal variates whose tails are moved onto the bounds.

    Args:
        uniforms (Tensor): Any shape, values in (0, 1).
        mean (float): Mean before clipping.
        std (float): Standard deviation before clipping.
        low (float): Lower bound.
        high (float): Upper bound.
    """
    return (mean + std * torch.special.ndtri(uniforms)).clamp(low, high)


def uniform_choice(uniforms: Tensor, num: int) -> Tensor:
    """Integers 0 ...

    num - 1, each as likely as the others (int64).
    """
    return (uniforms * num).long().clamp_(max=num - 1)


def uniform_integers(uniforms: Tensor, low: int, high: int) -> Tensor:
    """Integers low ...

    high, both included (int64).
    """
    return low + uniform_choice(uniforms, high - low + 1)
