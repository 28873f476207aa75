# Copyright (c) semipose_mm authors.
"""CutMix: boxes show the same region of another sample."""
from typing import NamedTuple, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import Draws
from .boxes import ExchangedLimits
from .cutout import BoxDraws, Cutout
from .operation import DonorOperation, PermutedDonors


class CutMixDraws(NamedTuple):
    """What CutMix draws for each sample.

    Attributes:
        boxes (BoxDraws): The boxes.
        donors (Tensor): Numbers (U,) of the samples that they show.
    """
    boxes: BoxDraws
    donors: Tensor


@MODELS.register_module()
class CutMix(DonorOperation, Cutout):
    """Replace boxes anywhere by the same region of another sample.

    All boxes of a sample show one other sample of the batch (CutMix, Yun et
    al., ICCV 2019; number and sizes as in MultiAugs, Zhou et al., arXiv
    2402.11566). The target stays that of the sample: the other's pixels
    occlude. Joints do not matter.

    Args:
        num (int): Boxes of an image. Defaults to 2
        half_size (tuple): Smallest and largest half width and half height
            of a box in input pixels. Defaults to (10, 19)

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 num: int = 2,
                 half_size: Tuple[int, int] = (10, 19)) -> None:
        super().__init__(num, half_size)

    def draw(self, draws: Draws, num_joints: int) -> CutMixDraws:
        """See :meth:`Operation.draw`."""
        return CutMixDraws(super().draw(draws, num_joints),
                           self.draw_donors(draws))

    def apply(self, images: Tensor, peaks: Tensor,
              drawn: CutMixDraws) -> Tensor:
        """See :meth:`Operation.apply`."""
        return torch.where(
            self.mask(images, drawn.boxes), images[drawn.donors], images)


@MODELS.register_module()
class LegacyCutMix(PermutedDonors, ExchangedLimits, CutMix):
    """CutMix of the released MultiAugs code, to the letter.

    Boxes are those of :class:`LegacyCutout`; samples give to each other by a
    permutation of the batch, in which a sample may meet itself. The two
    networks of MultiAugs' released code take ``num=5`` behind joint cutout.
    For comparison with published numbers.
    """
