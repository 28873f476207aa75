# Copyright (c) semipose_mm authors.
"""The affine warp from the easy to the hard view."""
from typing import Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import CodecGeometry, Draws, ViewWarp
from semipose_mm.structures.geometry import (affine_matrix, matrix_warp,
                                             pixel_matrix)


@MODELS.register_module()
class HardAffine:
    """Random scaling and rotation about the centre of the crop.

    The scale is a normal variate about 1, clipped at one standard deviation;
    the rotation one about 0, clipped at two, and drawn with a probability
    (PoseDual, Xie et al., ICCV 2021, the released code's distributions).
    Image and heatmaps move by one matrix in input pixels, which is
    conjugated with the codec's scale for the heatmaps. Heatmap pixels whose
    pre-image lies outside the crop are marked as not valid.

    Args:
        scale (float): Standard deviation and half range of the scale, in
            [0, 1). Defaults to 0.25
        rotation (float): Standard deviation of the rotation in degrees; the
            range is twice as wide to each side. Defaults to 30.
        prob (float): Probability of a rotation, in [0, 1]. Defaults to 0.8

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 scale: float = 0.25,
                 rotation: float = 30.,
                 prob: float = 0.8) -> None:
        if not 0 <= scale < 1:
            raise ValueError(
                f'model.warp.scale must be in [0, 1), but got {scale}')
        if rotation < 0:
            raise ValueError('model.warp.rotation must not be negative, but '
                             f'got {rotation}')
        if not 0 <= prob <= 1:
            raise ValueError(
                f'model.warp.prob must be in [0, 1], but got {prob}')
        self.scale = scale
        self.rotation = rotation
        self.prob = prob

    def draw(self, draws: Draws) -> Tuple[Tensor, Tensor]:
        """Draw scales and rotations (U,) in degrees."""
        scale = draws.normal(
            mean=1., std=self.scale, low=1 - self.scale, high=1 + self.scale)
        rotation = draws.normal(
            std=self.rotation, low=-2 * self.rotation, high=2 * self.rotation)
        rotates = draws.uniform() < self.prob
        return scale, torch.where(rotates, rotation, 0 * rotation)

    def view_warp(self, scale: Tensor, rotation: Tensor,
                  codec: CodecGeometry) -> ViewWarp:
        """The warp of given parameters.

        Args:
            scale (Tensor): (U,) factors; above 1 the content shrinks.
            rotation (Tensor): (U,) degrees.
            codec (CodecGeometry): Sizes of input and any heatmap.
        """
        width, height = codec.input_size
        matrix = affine_matrix(scale, rotation,
                               ((width - 1) / 2, (height - 1) / 2))
        return matrix_warp(matrix, codec)

    def __call__(self, draws: Draws, codec: CodecGeometry) -> ViewWarp:
        """Draw the warp of a batch."""
        return self.view_warp(*self.draw(draws), codec)

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(scale={self.scale}, '
                f'rotation={self.rotation}, prob={self.prob})')


@MODELS.register_module()
class LegacyHardAffine(HardAffine):
    """The warp of the released PoseDual code, to the letter.

    The matrix acts on normalized coordinates of image and heatmap alike: on
    portrait crops a rotation is a shear, and targets move against their
    image by up to 2 input pixels. Pixels from outside the crop count as
    background with full weight. For comparison with published numbers.
    """

    def view_warp(self, scale: Tensor, rotation: Tensor,
                  codec: CodecGeometry) -> ViewWarp:
        """See :meth:`HardAffine.view_warp`."""
        theta = affine_matrix(scale, rotation, (0., 0.))[:, :2]
        return ViewWarp(theta, theta, False,
                        pixel_matrix(theta, codec.input_size))
