# Copyright (c) semipose_mm authors.
"""``SimCCLabel.encode`` in batch on the device."""
import math
from typing import NamedTuple, Optional, Tuple

import torch
from mmpose.codecs import SimCCLabel
from torch import Tensor


class SimCCEncoder(NamedTuple):
    """Makes the vectors that MMPose's codec makes, without a loop.

    Attributes:
        num_bins (tuple): Bins along (x, y).
        split_ratio (float): Bins per input pixel.
        sigma (tuple, optional): Spread along (x, y) in bins; ``None`` for
            labels of ``smoothing_type='standard'``.
        label_smooth_weight (float): Mass beside the joint's own bin, in
            ``'standard'`` labels.
        normalize (bool): Whether a gaussian sums to 1.
    """
    num_bins: Tuple[int, int]
    split_ratio: float
    sigma: Optional[Tuple[float, float]]
    label_smooth_weight: float
    normalize: bool

    @classmethod
    def from_codec(cls, codec: SimCCLabel) -> 'SimCCEncoder':
        """Read the parameters of a codec."""
        gaussian = codec.smoothing_type == 'gaussian'
        return cls(
            tuple(
                round(size * codec.simcc_split_ratio)
                for size in codec.input_size), float(codec.simcc_split_ratio),
            tuple(float(s) for s in codec.sigma) if gaussian else None,
            float(codec.label_smooth_weight), bool(codec.normalize))

    def encode(self, points: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Encode joints.

        Args:
            points (Tensor): (U, K, 2) in input pixels.

        Returns:
            tuple: Vectors along x (U, K, Wx) and y (U, K, Wy), and (U, K) 1
            for joints in the image, 0 for the others, whose vectors are 0;
            float32.
        """
        bins = (points.float() * self.split_ratio).round()
        # as in the codec: some part within three sigma is in the image
        low, high = (0., 0.), (0., 0.)
        if self.sigma is not None:
            high = tuple(3 * sigma for sigma in self.sigma)
            low = tuple(-radius - 1 for radius in high)
        x, y = ((part >= low[i]) & (part < self.num_bins[i] + high[i])
                for i, part in enumerate(bins.unbind(-1)))
        inside = (x & y).float()  # (U, K)
        x, y = (
            self._vectors(bins[..., axis], axis) * inside[..., None]
            for axis in (0, 1))
        return x, y, inside

    def _vectors(self, bins: Tensor, axis: int) -> Tensor:
        """Vectors (U, K, n) about bins (U, K) along an axis."""
        num = self.num_bins[axis]
        distance = torch.arange(
            num, device=bins.device, dtype=bins.dtype) - bins[..., None]
        if self.sigma is None:
            smooth = self.label_smooth_weight
            return torch.where(distance == 0, 1 - smooth, smooth / (num - 1))
        sigma = self.sigma[axis]
        vectors = (-distance**2 / (2 * sigma**2)).exp()
        if self.normalize:
            vectors = vectors / (sigma * math.sqrt(2 * math.pi))
        return vectors
