# Copyright (c) semipose_mm authors.
"""MixUp: a part of another sample shines through."""
from functools import lru_cache
from typing import NamedTuple, Tuple

import numpy as np
import torch
from mmpose.registry import MODELS
from scipy.special import betaincinv
from torch import Tensor

from semipose_mm.models.outputs.constants import on_device
from semipose_mm.structures import Draws
from .operation import DonorOperation, PermutedDonors, is_number

#: Steps of the table of a beta distribution's quantiles.
STEPS = 1024


@lru_cache(maxsize=None)
def beta_quantiles(alpha: float) -> Tuple[float, ...]:
    """Quantiles of Beta(alpha, alpha) at 0, 1 / ``STEPS``, ..., 1."""
    steps = np.linspace(0, 1, STEPS + 1)
    return tuple(betaincinv(alpha, alpha, steps).tolist())


def beta_variates(uniforms: Tensor, alpha: float) -> Tensor:
    """Variates of Beta(alpha, alpha) from uniforms in (0, 1).

    The quantile function is interpolated linearly, as PyTorch has none: for
    ``alpha`` from 0.05 to 1 within 3e-5; above 1 its outermost steps are
    coarse.
    """
    table = on_device(beta_quantiles(alpha), uniforms.device)
    places = uniforms * STEPS
    low = places.long().clamp(max=STEPS - 1)
    return torch.lerp(table[low], table[low + 1], places - low)


class MixUpDraws(NamedTuple):
    """What MixUp draws for each sample.

    Attributes:
        shares (Tensor): The other sample's part (U,).
        donors (Tensor): Numbers (U,) of the other samples.
    """
    shares: Tensor
    donors: Tensor


@MODELS.register_module()
class MixUp(DonorOperation):
    """Blend each image with another sample of the batch.

    x becomes ``lam * x + (1 - lam) * other`` with ``lam = 1 - share *
    Beta(alpha, alpha)``, drawn for each sample (mixup, Zhang et al., ICLR
    2018; numbers as in MultiAugs, Zhou et al., arXiv 2402.11566). The target
    stays that of the sample, of which at least ``1 - share`` remains.

    Args:
        alpha (float): Of the beta distribution. Defaults to 0.2
        share (float): Largest part of the other image, in (0, 1]. Defaults
            to 0.25

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self, alpha: float = 0.2, share: float = 0.25) -> None:
        self.alpha = alpha
        self.share = share
        self.check('alpha', is_number(alpha) and alpha > 0, 'a number above 0')
        self.check('share',
                   is_number(share) and 0 < share <= 1, 'a number in (0, 1]')

    def draw_uniforms(self, draws: Draws) -> Tensor:
        """Uniforms (U,) that decide the parts."""
        return draws.uniform()

    def draw(self, draws: Draws, num_joints: int) -> MixUpDraws:
        """See :meth:`Operation.draw`."""
        betas = beta_variates(self.draw_uniforms(draws), self.alpha)
        return MixUpDraws(self.share * betas, self.draw_donors(draws))

    def apply(self, images: Tensor, peaks: Tensor,
              drawn: MixUpDraws) -> Tensor:
        """See :meth:`Operation.apply`."""
        shares = drawn.shares[:, None, None, None]
        return (1 - shares) * images + shares * images[drawn.donors]


@MODELS.register_module()
class LegacyMixUp(PermutedDonors, MixUp):
    """MixUp of the released MultiAugs code, to the letter.

    One part is drawn for the whole batch, whose samples give to each
    other by a permutation, in which a sample may meet itself. For
    comparison with published numbers.
    """

    def draw_uniforms(self, draws: Draws) -> Tensor:
        """See :meth:`MixUp.draw_uniforms`."""
        return draws.uniform()[:1].expand(len(draws))
