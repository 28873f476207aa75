# Copyright (c) semipose_mm authors.
"""Joint cutout: occlude the student where its teacher sees joints."""
from typing import Optional, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import (clipped_normal, scaled, uniform_choice,
                                    uniform_integers)


def _between(low: Tensor, high: Tensor, num: int) -> Tensor:
    """Which of ``num`` pixels lie in intervals (U, n): (U, n, num)."""
    pixels = torch.arange(num, device=low.device)
    return (pixels >= low[..., None]) & (pixels < high[..., None])


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

    @property
    def num_uniforms(self) -> int:
        """int: Uniform variates that a sample consumes."""
        return 5 * self.num

    def draw_centers(self, peaks: Tensor, uniforms: Tensor,
                     size: Tuple[int, int]) -> Tuple[Tensor, Tensor]:
        """Draw joints.

        Args:
            peaks (Tensor): (U, K, 2) in input pixels.
            uniforms (Tensor): (U, num_uniforms).
            size (tuple): Image size (W, H).

        Returns:
            tuple: Joint numbers (U, num) and their positions (U, num, 2).
        """
        joints = uniform_choice(uniforms[:, :self.num], peaks.shape[1])
        return joints, peaks.gather(1, joints[..., None].expand(-1, -1, 2))

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

    def __call__(self, images: Tensor, peaks: Tensor,
                 uniforms: Tensor) -> Tensor:
        """Cut a batch.

        Args:
            images (Tensor): Normalized images (U, 3, H, W).
            peaks (Tensor): The teachers' peaks (U, K, 2) in input pixels.
            uniforms (Tensor): (U, num_uniforms) in (0, 1).

        Returns:
            Tensor: New images of the same shape.
        """
        n = self.num
        height, width = images.shape[-2:]
        joints, positions = self.draw_centers(peaks, uniforms, (width, height))
        jitter = clipped_normal(uniforms[:, n:3 * n], 0., self.jitter,
                                -float('inf'),
                                float('inf')).unflatten(1, (n, 2))
        half_sizes = uniform_integers(uniforms[:, 3 * n:5 * n],
                                      *self.half_size).unflatten(1, (n, 2))
        # the first draw of a joint decides its box
        first = (joints[:, :, None] == joints[:, None]).int().argmax(-1)
        first = first[..., None].expand(-1, -1, 2)
        centers = (positions + jitter.gather(1, first)).trunc()
        keep = self.keep_mask(centers, half_sizes.gather(1, first), width,
                              height)
        return images * keep[:, None]

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

    @property
    def num_uniforms(self) -> int:
        """int: Uniform variates that a sample consumes."""
        return 7 * self.num

    def draw_centers(self, peaks: Tensor, uniforms: Tensor,
                     size: Tuple[int, int]) -> Tuple[Tensor, Tensor]:
        """See :meth:`JointCutout.draw_centers`."""
        num_joints = peaks.shape[1]
        joints = uniform_choice(uniforms[:, :self.num], self.num_candidates
                                or num_joints)
        index = joints.clamp(max=num_joints - 1)[..., None].expand(-1, -1, 2)
        anywhere = uniforms[:, 5 * self.num:].unflatten(1, (self.num, 2))
        return joints, torch.where((joints < num_joints)[..., None],
                                   peaks.gather(1, index),
                                   scaled(anywhere, size))

    def clamp_limits(self, width: int, height: int) -> Tuple[int, int]:
        """See :meth:`JointCutout.clamp_limits`."""
        return height, width

    def __repr__(self) -> str:
        return (f'{super().__repr__()[:-1]}, '
                f'num_candidates={self.num_candidates})')
