# Copyright (c) semipose_mm authors.
"""Joint cutout: occlude the student where its teacher sees joints."""
from typing import NamedTuple, Optional, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import Draws, scaled
from .boxes import (ExchangedLimits, JointBoxOperation, ReleasedCandidates,
                    at_joints, image_size, union_mask)


class CutoutDraws(NamedTuple):
    """What joint cutout draws for each sample.

    Attributes:
        joints (Tensor): Numbers (U, num) of joints.
        jitter (Tensor): Of the box centres in input pixels, (U, num, 2).
        half_sizes (Tensor): Half widths and heights of boxes, (U, num, 2).
        anywhere (Tensor, optional): Uniforms (U, num, 2), for joints that
            the network does not have.
    """
    joints: Tensor
    jitter: Tensor
    half_sizes: Tensor
    anywhere: Optional[Tensor] = None


@MODELS.register_module()
class JointCutout(JointBoxOperation):
    """Blank boxes around joints that the teacher predicts.

    ``num`` joints are drawn with replacement; a joint that is drawn twice is
    cut once. Each box has its own jitter and its own half width and height.
    Boxes are filled with 0, the mean colour of a normalized image (PoseDual,
    Xie et al., ICCV 2021; sizes and jitter as in the released code, in input
    pixels).

    Args:
        num (int): Joints drawn for an image. Defaults to 5
        half_size (tuple): Smallest and largest half width and half height
            of a box in input pixels. Defaults to (10, 19)
        jitter (float): Standard deviation of the box centre about the joint
            in input pixels. Defaults to 10.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 num: int = 5,
                 half_size: Tuple[int, int] = (10, 19),
                 jitter: float = 10.) -> None:
        super().__init__(num, half_size, jitter)

    def draw(self, draws: Draws, num_joints: int) -> CutoutDraws:
        """Draw joints and boxes for each sample.

        Args:
            draws (Draws): Uniforms of the samples.
            num_joints (int): Joints of the network.
        """
        return CutoutDraws(
            draws.choice(self.num, num=num_joints),
            draws.normal(self.num, 2, std=self.jitter),
            self.draw_half_sizes(draws, self.num))

    def positions(self, peaks: Tensor, drawn: CutoutDraws,
                  size: Tuple[int, int]) -> Tensor:
        """Where the drawn joints are, (U, num, 2) in input pixels.

        Args:
            peaks (Tensor): (U, K, 2) in input pixels.
            drawn (CutoutDraws): What was drawn.
            size (tuple): Image size (W, H).
        """
        return at_joints(peaks, drawn.joints)

    def apply(self, images: Tensor, peaks: Tensor,
              drawn: CutoutDraws) -> Tensor:
        """See :meth:`Operation.apply`."""
        size = image_size(images)
        joints = drawn.joints
        # the first draw of a joint decides its box
        first = (joints[:, :, None] == joints[:, None]).int().argmax(-1)
        centers = self.positions(peaks, drawn, size) + at_joints(
            drawn.jitter, first)
        cut = union_mask(centers.trunc(), at_joints(drawn.half_sizes, first),
                         size, self.limits(size))
        return images * ~cut[:, None]


@MODELS.register_module()
class LegacyJointCutout(ReleasedCandidates, ExchangedLimits, JointCutout):
    """Joint cutout of the released PoseDual code, to the letter.

    Boxes are clamped with width and height exchanged, so the bottom quarter
    of a portrait crop is never cut. The released networks have
    ``num_candidates`` = 24 channels, of which a data set supervises some;
    a draw among the others cuts an arbitrary place, as the peak of an
    untrained channel is one. For comparison with published numbers.

    Args:
        num_candidates (int, optional): Channels among which joints are
            drawn; ``None`` stands for those of the network. Defaults to
            ``None``
        **kwargs: See :class:`JointCutout`.
    """

    def draw(self, draws: Draws, num_joints: int) -> CutoutDraws:
        """See :meth:`JointCutout.draw`."""
        drawn = super().draw(draws, self.num_candidates or num_joints)
        return drawn._replace(anywhere=draws.uniform(self.num, 2))

    def positions(self, peaks: Tensor, drawn: CutoutDraws,
                  size: Tuple[int, int]) -> Tensor:
        """See :meth:`JointCutout.positions`."""
        num_joints = peaks.shape[1]
        known = (drawn.joints < num_joints)[..., None]
        inside = drawn._replace(joints=drawn.joints.clamp(max=num_joints - 1))
        return torch.where(known,
                           super().positions(peaks, inside, size),
                           scaled(drawn.anywhere, size))
