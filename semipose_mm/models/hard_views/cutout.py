# Copyright (c) semipose_mm authors.
"""Cutout: boxes anywhere in the image are blanked."""
from typing import NamedTuple, Tuple

from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import Draws, scaled
from .boxes import BoxOperation, ExchangedLimits, image_size, union_mask


class BoxDraws(NamedTuple):
    """Boxes anywhere, for each sample.

    Attributes:
        places (Tensor): Centres (U, num, 2), uniform in (0, 1).
        half_sizes (Tensor): Half widths and heights in input pixels,
            (U, num, 2).
    """
    places: Tensor
    half_sizes: Tensor


@MODELS.register_module()
class Cutout(BoxOperation):
    """Blank boxes anywhere in the image.

    The centres are uniform over the image's pixels; a box may reach over the
    border (Cutout, DeVries & Taylor, arXiv 1708.04552; number and sizes as
    in MultiAugs, Zhou et al., arXiv 2402.11566). Boxes are filled with 0, the
    mean colour of a normalized image. Joints do not matter.

    Args:
        num (int): Boxes of an image. Defaults to 5
        half_size (tuple): Smallest and largest half width and half height
            of a box in input pixels. Defaults to (10, 19)

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 num: int = 5,
                 half_size: Tuple[int, int] = (10, 19)) -> None:
        super().__init__(num, half_size)

    def draw(self, draws: Draws, num_joints: int) -> BoxDraws:
        """See :meth:`Operation.draw`."""
        return BoxDraws(
            draws.uniform(self.num, 2), self.draw_half_sizes(draws, self.num))

    def mask(self, images: Tensor, drawn: BoxDraws) -> Tensor:
        """Pixels in a box, (U, 1, H, W)."""
        size = image_size(images)
        limits = self.limits(size)
        centers = scaled(drawn.places, limits).floor()
        return union_mask(centers, drawn.half_sizes, size, limits)[:, None]

    def apply(self, images: Tensor, peaks: Tensor, drawn: BoxDraws) -> Tensor:
        """See :meth:`Operation.apply`."""
        return images * ~self.mask(images, drawn)


@MODELS.register_module()
class LegacyCutout(ExchangedLimits, Cutout):
    """Cutout of the released MultiAugs code, to the letter.

    Width and height are exchanged where centres are drawn and where boxes
    are clamped: on portrait crops a quarter of the centres lies off the
    image, and no box reaches below row W. For comparison with published
    numbers.
    """
