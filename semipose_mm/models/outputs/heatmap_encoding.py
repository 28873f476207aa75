# Copyright (c) semipose_mm authors.
"""``MSRAHeatmap.encode`` and ``UDPHeatmap.encode`` in batch."""
from typing import NamedTuple, Tuple

import torch
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.codecs.base import BaseKeypointCodec
from torch import Tensor

from semipose_mm.structures import heatmap_peaks

#: What is below it counts as it, where logarithms are taken.
_SMALLEST = 1e-10


class HeatmapEncoder(NamedTuple):
    """Makes the heatmaps that MMPose's codec makes, without a loop.

    Attributes:
        heatmap_size (tuple): (w, h) in pixels.
        scale_factor (tuple): Input pixels per heatmap pixel in (x, y).
        sigma (float): Spread in heatmap pixels.
        at_pixel (bool): Whether a peak lies on the pixel next to its joint,
            as in MSRA's heatmaps that are not ``unbiased``.
        windowed (bool): Whether there is nothing beyond about three sigma,
            as in all but ``unbiased`` ones.
    """
    heatmap_size: Tuple[int, int]
    scale_factor: Tuple[float, float]
    sigma: float
    at_pixel: bool
    windowed: bool

    @classmethod
    def from_codec(cls, codec: BaseKeypointCodec) -> 'HeatmapEncoder':
        """Read the parameters of a codec.

        Raises:
            TypeError: If its formula is not known here.
        """
        msra = isinstance(codec, MSRAHeatmap)
        if not msra and not (isinstance(codec, UDPHeatmap)
                             and codec.heatmap_type == 'gaussian'):
            raise TypeError(
                f'model.head.decoder.type is {type(codec).__name__}, but '
                'targets are rendered by the formula of MSRAHeatmap or of '
                "UDPHeatmap with heatmap_type='gaussian'. Without target and "
                'select in model.routes[] outputs are targets as they are, '
                'as with --recipe posedual')
        biased = msra and not codec.unbiased
        return cls(
            tuple(int(size) for size in codec.heatmap_size),
            tuple(float(factor) for factor in codec.scale_factor),
            float(codec.sigma), biased, biased or not msra)

    def encode(self, points: Tensor) -> Tuple[Tensor, Tensor]:
        """Render joints.

        Args:
            points (Tensor): (U, K, 2) in input pixels.

        Returns:
            tuple: Heatmaps (U, K, h, w) with peaks of height 1, and (U, K) 1
            for joints some part of which is in the map, 0 for the others,
            whose maps are 0; float32.
        """
        (x,
         in_x), (y,
                 in_y) = (self._vectors(part / self.scale_factor[i],
                                        self.heatmap_size[i])
                          for i, part in enumerate(points.float().unbind(-1)))
        inside = (in_x & in_y).float()
        return y[..., None] * x[..., None, :] * inside[..., None, None], inside

    def _vectors(self, places: Tensor, size: int) -> Tuple[Tensor, Tensor]:
        """Gaussians (U, K, size) about places (U, K), and which are seen."""
        pixels = torch.arange(size, device=places.device, dtype=places.dtype)
        radius = 3 * self.sigma
        if not self.windowed:
            distance = pixels - places[..., None]
            seen = (places - radius < size) & (places + radius + 1 >= 0)
            return (-distance**2 / (2 * self.sigma**2)).exp(), seen
        # the codec's whole numbers are cut towards zero
        pixel = (places + 0.5).trunc()
        start, end = (pixel - radius).trunc(), (pixel + radius + 1).trunc()
        offset = pixels - start[..., None]
        center = (2 * radius + 1) // 2
        if not self.at_pixel:
            center = (center + places - pixel)[..., None]
        window = (offset >= 0) & (pixels < end[..., None])
        vectors = (-(offset - center)**2 / (2 * self.sigma**2)).exp()
        return vectors * window, (start < size) & (end >= 0)


def subpixel_peaks(heatmaps: Tensor) -> Tuple[Tensor, Tensor]:
    """Peaks between pixels, by a parabola through three logarithms.

    Along each axis, with the values a, b, c before, at and after the highest
    pixel, the peak lies (ln c - ln a) / (2 (2 ln b - ln a - ln c)) beyond it:
    exact for a gaussian, at most half a pixel, and 0 at the border.

    Args:
        heatmaps (Tensor): (U, K, h, w).

    Returns:
        tuple: Positions (U, K, 2) as (x, y) in heatmap pixels and heights
        (U, K) of the highest pixels, both float32.
    """
    points, heights = heatmap_peaks(heatmaps)
    height, width = heatmaps.shape[-2:]
    flat = heatmaps.float().flatten(2)
    x, y = points.long().unbind(-1)
    index = y * width + x
    moved = []
    for place, size, step in ((x, width, 1), (y, height, width)):
        before, here, after = (
            flat.gather(2, (index + shift).clamp(
                0, height * width - 1)[...,
                                       None])[...,
                                              0].clamp(min=_SMALLEST).log()
            for shift in (-step, 0, step))
        curvature = (2 * here - before - after).clamp(min=_SMALLEST)
        within = (place > 0) & (place < size - 1)
        moved.append(place + within * 0.5 * (after - before) / curvature)
    return torch.stack(moved, -1), heights
