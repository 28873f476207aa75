# Copyright (c) semipose_mm authors.
"""Joint cut-occlude: joints are hidden by joints of another person."""
from typing import NamedTuple, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import Draws, scaled
from .boxes import (JointBoxOperation, ReleasedCandidates, at_joints,
                    box_masks, image_size)
from .operation import DonorOperation


def paste(images: Tensor, donors: Tensor, masks: Tensor,
          shifts: Tensor) -> Tensor:
    """Paste pieces of other samples, later ones over earlier ones.

    Args:
        images (Tensor): (U, 3, H, W), which all pieces are taken of.
        donors (Tensor): Numbers (U,) of the samples that give.
        masks (Tensor): Where pieces (U, n, H, W) are pasted.
        shifts (Tensor): From a pixel to the donor's that it shows, (U, n, 2)
            whole numbers along x and y.

    Returns:
        Tensor: New images.
    """
    number, channels, height, width = images.shape
    plane = height * width
    places = torch.arange(plane, device=images.device).view(1, height, width)
    samples = torch.arange(number, device=images.device) * (channels * plane)
    # each pixel's number in the first channel of the batch
    source = samples.view(-1, 1, 1) + places
    offsets = samples[donors, None] + shifts[..., 1] * width + shifts[..., 0]
    for i in range(masks.shape[1]):
        source = torch.where(masks[:, i], offsets[:, i, None, None] + places,
                             source)
    return torch.stack(
        [images.take(source + i * plane) for i in range(channels)], 1)


class OccludeDraws(NamedTuple):
    """What joint cut-occlude draws for each sample.

    Attributes:
        joints (Tensor): Numbers (U, num) of the joints that are hidden.
        donor_joints (Tensor): Of those that hide them, (U, num).
        donors (Tensor): Numbers (U,) of the samples that give.
        jitter (Tensor): Of the places in input pixels, (U, num, 2).
        donor_jitter (Tensor): Of the pieces' centres, (U, num, 2).
        half_sizes (Tensor): Half widths and heights, (U, num, 2).
    """
    joints: Tensor
    donor_joints: Tensor
    donors: Tensor
    jitter: Tensor
    donor_jitter: Tensor
    half_sizes: Tensor


@MODELS.register_module()
class JointCutOcclude(DonorOperation, JointBoxOperation):
    """Hide joints behind pieces of another person, cut about its joints.

    Each sample has another one of the batch as its donor. ``num`` joints
    and as many of the donor's are drawn with replacement; the donor's pixels
    about its joint are pasted about the sample's, each centre with a jitter
    of its own. Only pixels that both images have are pasted, all from the
    batch as it came; a later piece covers an earlier one (SSPCM, Huang et
    al., CVPR 2023, there "semi-supervised cut-occlude", and MultiAugs, Zhou
    et al., arXiv 2402.11566; number, sizes and jitter as in their code, in
    input pixels).

    Args:
        num (int): Joints drawn for an image. Defaults to 2
        half_size (tuple): Smallest and largest half width and half height
            of a piece in input pixels. Defaults to (10, 19)
        jitter (float): Standard deviation of a centre about its joint in
            input pixels. Defaults to 10.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 num: int = 2,
                 half_size: Tuple[int, int] = (10, 19),
                 jitter: float = 10.) -> None:
        super().__init__(num, half_size, jitter)

    def draw(self, draws: Draws, num_joints: int) -> OccludeDraws:
        """See :meth:`Operation.draw`."""
        return OccludeDraws(
            draws.choice(self.num, num=num_joints),
            draws.choice(self.num, num=num_joints), self.draw_donors(draws),
            draws.normal(self.num, 2, std=self.jitter),
            draws.normal(self.num, 2, std=self.jitter),
            self.draw_half_sizes(draws, self.num))

    def apply(self, images: Tensor, peaks: Tensor,
              drawn: OccludeDraws) -> Tensor:
        """See :meth:`Operation.apply`."""
        size = image_size(images)
        centers = at_joints(peaks, drawn.joints) + drawn.jitter
        pieces = at_joints(peaks[drawn.donors],
                           drawn.donor_joints) + drawn.donor_jitter
        centers, pieces = centers.long(), pieces.long()
        shifts = pieces - centers
        # the piece ends where the donor's image does
        low = torch.maximum(centers - drawn.half_sizes, -shifts)
        high = torch.minimum(centers + drawn.half_sizes,
                             scaled(torch.ones_like(shifts), size) - shifts)
        masks = box_masks(low, high, size)
        return paste(images, drawn.donors, masks, shifts)


class LegacyOccludeDraws(NamedTuple):
    """What the released joint cut-occlude draws, C joints a sample.

    Attributes:
        joints (Tensor): Numbers (U, num) of the joints that are hidden.
        donor_joints (Tensor): Of those that hide them, (U, num).
        donors (Tensor): Numbers (U,) of the samples that give.
        jitter (Tensor): Of all joints in input pixels, (U, C, 2).
        half_sizes (Tensor): Half heights and widths of all, (U, C, 2).
        anywhere (Tensor): Uniforms (U, C - K, 2) in the place of joints that
            the network does not have.
    """
    joints: Tensor
    donor_joints: Tensor
    donors: Tensor
    jitter: Tensor
    half_sizes: Tensor
    anywhere: Tensor


class _Span(NamedTuple):
    """Pixels along one axis, each (U, num).

    Attributes:
        low (Tensor): First pixel that is written.
        high (Tensor): Where they end, not included.
        shift (Tensor): From a pixel to the donor's.
        empty (Tensor): Whether the donor has nothing to give.
        fits (Tensor): Whether it gives as much as is written.
    """
    low: Tensor
    high: Tensor
    shift: Tensor
    empty: Tensor
    fits: Tensor


def _released_span(center: Tensor, piece: Tensor, half: Tensor,
                   size: int) -> _Span:
    """What the released code reads and writes along an axis.

    Args:
        center (Tensor): Where to paste, (U, num).
        piece (Tensor): The donor's centre (U, num).
        half (Tensor): Half the size (U, num).
        size (int): Pixels of the image.
    """
    most = size - 1
    start, end = ((piece + sign * half).clamp(0, most) for sign in (-1, 1))
    # distances have no sign, even where the donor's centre lies outside
    low = (center - (piece - start).abs()).clamp(0, most)
    high = (center + (end - piece).abs()).clamp(0, most)
    trim = ((end - start) - (high - low)).abs()
    start = start + trim * (low == 0)
    end = end - trim * (high == most)
    # a slice counts negative numbers from the end
    start, end = (
        torch.where(edge < 0, edge + size, edge).clamp(0, size)
        for edge in (start, end))
    return _Span(low, high, start - low, end <= start,
                 end - start == high - low)


@MODELS.register_module()
class LegacyJointCutOcclude(ReleasedCandidates, JointCutOcclude):
    """Joint cut-occlude of the released code, to the letter.

    That of SSPCM and MultiAugs reads a joint's x as a row and its y as a
    column, so a piece is cut and pasted at transposed places, and rarely
    hides its joint. Where a piece crosses a border, both are trimmed, and
    unless they then agree in size the place is blanked, which may be larger
    than a piece if the donor's centre lies outside its image. A sample may
    be its own donor. Each joint has one jitter and one size, wherever it is
    drawn. For comparison with published numbers.

    Args:
        num_candidates (int, optional): See :class:`LegacyJointCutout`.
        **kwargs: See :class:`JointCutOcclude`.
    """

    def draw_donors(self, draws: Draws) -> Tensor:
        """Numbers (U,) of the samples that give, one's own included."""
        return draws.choice(num=len(draws))

    def draw(self, draws: Draws, num_joints: int) -> LegacyOccludeDraws:
        """See :meth:`Operation.draw`."""
        number = self.num_candidates or num_joints
        return LegacyOccludeDraws(
            draws.choice(self.num, num=number),
            draws.choice(self.num, num=number), self.draw_donors(draws),
            draws.normal(number, 2, std=self.jitter),
            self.draw_half_sizes(draws, number),
            draws.uniform(max(number - num_joints, 0), 2))

    def apply(self, images: Tensor, peaks: Tensor,
              drawn: LegacyOccludeDraws) -> Tensor:
        """See :meth:`Operation.apply`."""
        size = image_size(images)
        points = torch.cat([peaks, scaled(drawn.anywhere, size)], 1)
        inside = ((points >= 0) &
                  (points < scaled(torch.ones_like(points), size))).all(
                      -1, keepdim=True)
        points = points[:, :drawn.jitter.shape[1]]
        inside = inside[:, :drawn.jitter.shape[1]].expand_as(points)
        centers = (points + drawn.jitter).long()

        def both(values: Tensor) -> Tuple[Tensor, Tensor]:
            """Those of the hidden joints and of the donors'."""
            return (at_joints(values, drawn.joints),
                    at_joints(values[drawn.donors], drawn.donor_joints))

        center, piece = both(centers)
        half = both(drawn.half_sizes)[1]
        # x is taken for the row, y for the column
        rows, columns = (
            _released_span(center[..., i], piece[..., i], half[..., i],
                           size[1 - i]) for i in range(2))
        masks = box_masks(
            torch.stack([columns.low, rows.low], -1),
            torch.stack([columns.high, rows.high], -1), size)
        # unknown joints, which the released code does not have
        masks = masks & (both(inside)[0] & both(inside)[1])[..., :1, None]
        pasted = (rows.fits & columns.fits & ~rows.empty
                  & ~columns.empty)[..., None, None]
        shifts = torch.stack([columns.shift, rows.shift], -1)
        out = paste(images, drawn.donors, masks & pasted, shifts)
        filled = torch.zeros_like(masks[:, 0])
        for i in range(self.num):
            filled = torch.where(masks[:, i], ~pasted[:, i], filled)
        return out * ~filled[:, None]
