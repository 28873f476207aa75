# Copyright (c) semipose_mm authors.
"""Geometry of hard views as pure functions.

Matrices are multiplied by products and sums, which mixed precision leaves in
float32; a matrix product it would not.

Pixel coordinates are indices: pixel ``i`` has its centre at ``i``. Matrices
map *output* to *input* coordinates of a warp, as sampling needs them, and
are built in pixels of the network's input image. The codec says how heatmap
and input pixels relate, so a matrix is conjugated with that scale before it
is normalised for a tensor; normalising the same rotation for both tensors
instead moves targets by up to 2 px.
"""
import math
from typing import NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


class CodecGeometry(NamedTuple):
    """How a codec relates heatmap and input pixels.

    Attributes:
        input_size (tuple): Input image size (W, H) in pixels.
        heatmap_size (tuple, optional): Heatmap size (w, h) in pixels;
            ``None`` for codecs without heatmaps.
        scale_factor (tuple, optional): Input pixels per heatmap pixel in
            (x, y): W/w for MSRA, (W-1)/(w-1) for UDP.
    """
    input_size: Tuple[int, int]
    heatmap_size: Optional[Tuple[int, int]] = None
    scale_factor: Optional[Tuple[float, float]] = None

    @classmethod
    def from_codec(cls, codec) -> 'CodecGeometry':
        """Read the sizes of an MMPose codec."""
        input_size = tuple(int(v) for v in codec.input_size)
        if not hasattr(codec, 'heatmap_size'):
            return cls(input_size)
        return cls(input_size, tuple(int(v) for v in codec.heatmap_size),
                   tuple(float(v) for v in codec.scale_factor))

    def to_input(self, points: Tensor) -> Tensor:
        """Map points (..., 2) from heatmap to input pixels."""
        return scaled(points, self.scale_factor)


class ViewWarp(NamedTuple):
    """One warp of a batch, shared by its images and their targets.

    Attributes:
        image_theta (Tensor): (B, 2, 3) matrices for ``affine_grid``.
        heatmap_theta (Tensor, optional): The same motion for heatmaps,
            (B, 2, 3), where the codec has any.
        align_corners (bool): Which corners the matrices refer to.
        matrix (Tensor): The same motion from output to input pixels,
            (B, 3, 3).
        valid (Tensor, optional): (B, 1, h, w), 1 where the pre-image of a
            heatmap pixel lies within the crop. ``None`` counts all pixels.
    """
    image_theta: Tensor
    heatmap_theta: Optional[Tensor]
    align_corners: bool
    matrix: Tensor
    valid: Optional[Tensor] = None

    def images(self, images: Tensor) -> Tensor:
        """Warp images (B, 3, H, W)."""
        return warp(images, self.image_theta, self.align_corners)

    def heatmaps(self, heatmaps: Tensor) -> Tensor:
        """Warp heatmaps (B, K, h, w)."""
        return warp(heatmaps, self.heatmap_theta, self.align_corners)

    def points(self, points: Tensor) -> Tensor:
        """Where content at points (B, K, 2) in input pixels lies then."""
        return warp_points(points, self.matrix)


def matrix_warp(matrix: Tensor, codec: CodecGeometry) -> ViewWarp:
    """The warp of images and heatmaps by a motion of input pixels.

    Args:
        matrix (Tensor): (B, 3, 3) from output to input pixels.
        codec (CodecGeometry): Sizes of input and any heatmap.
    """
    image_theta = normalized_theta(matrix, codec.input_size)
    if codec.heatmap_size is None:
        return ViewWarp(image_theta, None, True, matrix)
    heatmap_theta = normalized_theta(
        conjugate_to_heatmap(matrix, codec.scale_factor), codec.heatmap_size)
    valid = valid_region(heatmap_theta, codec.heatmap_size)
    return ViewWarp(image_theta, heatmap_theta, True, matrix, valid)


def scaled(points: Tensor, factors: Tuple[float, float]) -> Tensor:
    """Multiply x and y of points (..., 2) by a number each."""
    # a tensor made of numbers would wait for the device
    x, y = points.unbind(-1)
    return torch.stack([x * factors[0], y * factors[1]], -1)


def affine_matrix(scale: Tensor, rotation: Tensor,
                  center: Tuple[float, float]) -> Tensor:
    """Similarity about a fixed point, from output to input pixels.

    Args:
        scale (Tensor): (B,) factors; above 1 the content shrinks.
        rotation (Tensor): (B,) angles in degrees; positive ones turn the
            content clockwise on screen.
        center (tuple): The fixed point (x, y) in pixels.

    Returns:
        Tensor: (B, 3, 3) homogeneous matrices.
    """
    angle = rotation * (math.pi / 180)
    a, b = scale * angle.cos(), scale * angle.sin()
    cx, cy = center
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    return _rows((a, b, cx - a * cx - b * cy), (-b, a, cy + b * cx - a * cy),
                 (zero, zero, one))


def conjugate_to_heatmap(matrix: Tensor, scale_factor: Tuple[float,
                                                             float]) -> Tensor:
    """Express a motion of input pixels in heatmap pixels.

    Args:
        matrix (Tensor): (B, 3, 3) in input pixels.
        scale_factor (tuple): Input pixels per heatmap pixel (x, y).

    Returns:
        Tensor: (B, 3, 3) in heatmap pixels.
    """
    x, y = scale_factor
    factors = ((1., y / x, 1 / x), (x / y, 1., 1 / y), (x, y, 1.))
    return _rows(*(tuple(matrix[:, i, j] * factor
                         for j, factor in enumerate(row))
                   for i, row in enumerate(factors)))


def normalized_theta(matrix: Tensor, size: Tuple[int, int]) -> Tensor:
    """Turn a pixel matrix into ``affine_grid``'s theta.

    Args:
        matrix (Tensor): (B, 3, 3) from output to input pixels.
        size (tuple): (W, H) of the tensor that is warped.

    Returns:
        Tensor: (B, 2, 3) for ``align_corners=True``.
    """
    x, y = (size[0] - 1) / 2, (size[1] - 1) / 2
    (a, b, e), (c, d, f) = (row.unbind(-1) for row in matrix[:, :2].unbind(1))
    # p = half * (n + 1) in both frames
    return _rows((a, b * y / x, (a * x + b * y + e - x) / x),
                 (c * x / y, d, (c * x + d * y + f - y) / y))


def pixel_matrix(theta: Tensor, size: Tuple[int, int]) -> Tensor:
    """Turn ``affine_grid``'s theta into a pixel matrix.

    Args:
        theta (Tensor): (B, 2, 3) for ``align_corners=False``.
        size (tuple): (W, H) of the tensor that is warped.

    Returns:
        Tensor: (B, 3, 3) from output to input pixels.
    """
    x, y = size[0] / 2, size[1] / 2
    (a, b, e), (c, d, f) = (row.unbind(-1) for row in theta.unbind(1))
    # p + 1/2 = half * (n + 1) in both frames
    b, c, u, v = b * x / y, c * y / x, x - 0.5, y - 0.5
    zero = torch.zeros_like(a)
    return _rows((a, b, x * e + u - a * u - b * v),
                 (c, d, y * f + v - c * u - d * v), (zero, zero, zero + 1))


def _rows(*rows: Tuple[Tensor, ...]) -> Tensor:
    """Matrices (B, n, 3) of their elements (B,)."""
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def warp(tensor: Tensor, theta: Tensor, align_corners: bool = True) -> Tensor:
    """Resample (B, C, H, W) bilinearly with zeros outside, in float32."""
    with torch.autocast(tensor.device.type, enabled=False):
        tensor, theta = tensor.float(), theta.float()
        grid = F.affine_grid(theta, list(tensor.shape), align_corners)
        return F.grid_sample(
            tensor,
            grid,
            mode='bilinear',
            padding_mode='zeros',
            align_corners=align_corners)


def valid_region(theta: Tensor, size: Tuple[int, int]) -> Tensor:
    """Mark the output pixels whose pre-image lies inside.

    Args:
        theta (Tensor): (B, 2, 3) for ``align_corners=True``.
        size (tuple): (w, h) of the map.

    Returns:
        Tensor: (B, 1, h, w) of zeros and ones in float32.
    """
    shape = [theta.shape[0], 1, size[1], size[0]]
    with torch.autocast(theta.device.type, enabled=False):
        grid = F.affine_grid(theta.float(), shape, align_corners=True)
    # a rounding error must not mark the border of an identity as outside
    inside = grid.abs().amax(-1) <= 1 + 1e-4
    return inside[:, None].float()


def transform_points(points: Tensor, matrix: Tensor) -> Tensor:
    """Apply (B, 3, 3) matrices to points (B, K, 2)."""
    linear, shift = matrix[:, None, :2, :2], matrix[:, None, :2, 2]
    return (linear * points[..., None, :]).sum(-1) + shift


def warp_points(points: Tensor, matrix: Tensor) -> Tensor:
    """Where content at ``points`` (B, K, 2) lies after a warp.

    A warp's matrix maps output to input, so its content moves by the
    inverse.
    """
    # in closed form, as linalg.inv waits for the device
    x, y = (points - matrix[:, None, :2, 2]).unbind(-1)
    a, b, c, d = matrix[:, None, :2, :2].flatten(2).unbind(-1)
    moved = torch.stack([d * x - b * y, a * y - c * x], -1)
    return moved / (a * d - b * c)[..., None]


def heatmap_peaks(heatmaps: Tensor) -> Tuple[Tensor, Tensor]:
    """Highest pixel of each heatmap.

    Args:
        heatmaps (Tensor): (B, K, h, w).

    Returns:
        tuple: Positions (B, K, 2) as (x, y) in heatmap pixels and heights
        (B, K), both float32.
    """
    height, index = heatmaps.float().flatten(2).max(-1)
    width = heatmaps.shape[-1]
    x, y = index % width, torch.div(index, width, rounding_mode='floor')
    return torch.stack([x, y], -1).float(), height
