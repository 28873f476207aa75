# Copyright (c) semipose_mm authors.
"""Joint cutout: occlude the student where its teacher sees joints."""
from typing import NamedTuple, Optional, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import Draws, scaled


def _between(low: Tensor, high: Tensor, num: int) -> Tensor:
    """Which of ``num`` pixels lie in intervals (U, n): (U, n, num)."""
    pixels = torch.arange(num, device=low.device)
    return (pixels >= low[..., None]) & (pixels < high[..., None])


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
class JointCutout:
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

    #: Whether pixels of other samples of the batch are taken.
    needs_donor = False

    def __init__(self,
                 num: int = 5,
                 half_size: Tuple[int, int] = (10, 19),
                 jitter: float = 10.) -> None:
        if num < 1:
            raise ValueError('model.views[].ops[].num of JointCutout must be '
                             f'at least 1, but got {num}')
        if not 0 < half_size[0] <= half_size[1]:
            raise ValueError('model.views[].ops[].half_size of JointCutout '
                             'must be (smallest, largest) above 0, but got '
                             f'{tuple(half_size)}')
        if jitter < 0:
            raise ValueError('model.views[].ops[].jitter of JointCutout must '
                             f'not be negative, but got {jitter}')
        self.num = num
        self.half_size = tuple(half_size)
        self.jitter = jitter

    def draw(self, draws: Draws, num_joints: int) -> CutoutDraws:
        """Draw joints and boxes for each sample.

        Args:
            draws (Draws): Uniforms of the samples.
            num_joints (int): Joints of the network.
        """
        return CutoutDraws(
            draws.choice(self.num, num=num_joints),
            draws.normal(self.num, 2, std=self.jitter),
            draws.integers(
                self.num, 2, low=self.half_size[0], high=self.half_size[1]))

    def positions(self, peaks: Tensor, drawn: CutoutDraws,
                  size: Tuple[int, int]) -> Tensor:
        """Where the drawn joints are, (U, num, 2) in input pixels.

        Args:
            peaks (Tensor): (U, K, 2) in input pixels.
            drawn (CutoutDraws): What was drawn.
            size (tuple): Image size (W, H).
        """
        return peaks.gather(1, drawn.joints[..., None].expand(-1, -1, 2))

    def clamp_limits(self, width: int, height: int) -> Tuple[int, int]:
        """Largest x and y of a box."""
        return width, height

    def keep_mask(self, centers: Tensor, half_sizes: Tensor, width: int,
                  height: int) -> Tensor:
        """Where an image is kept.

        Args:
            centers (Tensor): Box centres (U, num, 2) in whole pixels.
            half_sizes (Tensor): Half widths and heights (U, num, 2).
            width (int): Image width.
            height (int): Image height.

        Returns:
            Tensor: (U, height, width), ``False`` inside the boxes.
        """
        sizes, limits = (width, height), self.clamp_limits(width, height)
        in_x, in_y = (  # (U, num, W) and (U, num, H)
            _between((centers - half_sizes)[..., i].clamp(0, limits[i]),
                     (centers + half_sizes)[..., i].clamp(0,
                                                          limits[i]), sizes[i])
            for i in range(2))
        return ~(in_y[..., None] & in_x[:, :, None]).any(1)

    def apply(self, images: Tensor, peaks: Tensor,
              drawn: CutoutDraws) -> Tensor:
        """Cut the boxes that were drawn, see :meth:`__call__`."""
        height, width = images.shape[-2:]
        joints = drawn.joints
        # the first draw of a joint decides its box
        first = (joints[:, :, None] == joints[:, None]).int().argmax(-1)
        first = first[..., None].expand(-1, -1, 2)
        positions = self.positions(peaks, drawn, (width, height))
        centers = (positions + drawn.jitter.gather(1, first)).trunc()
        keep = self.keep_mask(centers, drawn.half_sizes.gather(1, first),
                              width, height)
        return images * keep[:, None]

    def __call__(self, images: Tensor, peaks: Tensor, draws: Draws) -> Tensor:
        """Cut a batch.

        Args:
            images (Tensor): Normalized images (U, 3, H, W).
            peaks (Tensor): The teachers' peaks (U, K, 2) in input pixels.
            draws (Draws): Uniforms of the samples.

        Returns:
            Tensor: New images of the same shape.
        """
        return self.apply(images, peaks, self.draw(draws, peaks.shape[1]))

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(num={self.num}, '
                f'half_size={self.half_size}, jitter={self.jitter})')


@MODELS.register_module()
class LegacyJointCutout(JointCutout):
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

    def __init__(self, num_candidates: Optional[int] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if num_candidates is not None and num_candidates < 1:
            raise ValueError('model.views[].ops[].num_candidates of '
                             'LegacyJointCutout must be at least 1, but got '
                             f'{num_candidates}')
        self.num_candidates = num_candidates

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
        return torch.where(known, super().positions(peaks, inside, size),
                           scaled(drawn.anywhere, size))

    def clamp_limits(self, width: int, height: int) -> Tuple[int, int]:
        """See :meth:`JointCutout.clamp_limits`."""
        return height, width

    def __repr__(self) -> str:
        return (f'{super().__repr__()[:-1]}, '
                f'num_candidates={self.num_candidates})')
