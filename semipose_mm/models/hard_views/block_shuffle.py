# Copyright (c) semipose_mm authors.
"""Block shuffle: the network sees the image's blocks in another order."""
from functools import partial
from typing import Any, Callable, NamedTuple, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import Draws
from .operation import Operation, are_counts


class BlockDraws(NamedTuple):
    """What block shuffle draws.

    Attributes:
        order (Tensor): The block (U, rows * columns) of each sample that
            comes into each place, both counted row by row.
    """
    order: Tensor


@MODELS.register_module()
class BlockShuffle(Operation):
    """Permute the blocks of an image, and put those of its features back.

    Each warped image is cut into a grid of blocks, which change places by a
    permutation of their own for each sample. The network's features are cut
    by the same grid and put back before its head, so that targets stay what
    they are (S3KL, github.com/kaai520/S3KL, 2026, which reports blocks of 64
    input pixels as better than 32 and 128; the default makes such blocks of
    192 x 256). Pose-MUM (Kim et al., arXiv 2203.07837) mixes tiles of several
    images instead.

    Args:
        grid (tuple): Rows and columns of blocks, which must divide the image
            and the network's features. Defaults to (4, 3)

    Raises:
        ValueError: If a parameter is out of its range.
    """

    after_warp = True

    def __init__(self, grid: Tuple[int, int] = (4, 3)) -> None:
        self.grid = grid
        self.check('grid',
                   are_counts(grid) and max(grid) > 1,
                   'whole numbers (rows, columns) of more than one block')
        self.grid = tuple(grid)

    def draw(self, draws: Draws, num_joints: int) -> BlockDraws:
        """See :meth:`Operation.draw`."""
        return BlockDraws(draws.permutation(self.grid[0] * self.grid[1]))

    def apply(self, images: Tensor, peaks: Tensor,
              drawn: BlockDraws) -> Tensor:
        """See :meth:`Operation.apply`."""
        return self._rearranged(images, drawn.order, 'images')

    def restore(self, features: Any, drawn: BlockDraws) -> Any:
        """Put the blocks of features back.

        Args:
            features (Tensor | Sequence): Features (U, C, h, w), or several.
            drawn (BlockDraws): With which the images were shuffled.

        Returns:
            Tensor | Sequence: Of the same kind.

        Raises:
            ValueError: If the grid does not divide them.
        """
        order = drawn.order.argsort(-1)
        if isinstance(features, Tensor):
            return self._rearranged(features, order, 'features')
        return type(features)(
            self._rearranged(part, order, 'features') for part in features)

    def __call__(self, images: Tensor, peaks: Tensor,
                 draws: Draws) -> Tuple[Tensor, Callable]:
        """Draw and shuffle.

        Returns:
            tuple: New images, and what puts their features back.
        """
        drawn = self.draw(draws, peaks.shape[1])
        return (self.apply(images, peaks,
                           drawn), partial(self.restore, drawn=drawn))

    def _rearranged(self, maps: Tensor, order: Tensor, what: str) -> Tensor:
        """Maps (U, C, H, W), of which block ``order[:, i]`` comes to i."""
        (rows, columns), (number, channels, height,
                          width) = self.grid, maps.shape
        if height % rows or width % columns:
            raise ValueError(
                f'model.views[].ops[].grid of BlockShuffle is {self.grid}, '
                f'but must divide the {height} rows and {width} columns of '
                f'the {what}')
        blocks = maps.reshape(number, channels, rows, height // rows, columns,
                              width // columns)
        blocks = blocks.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
        first = torch.arange(number, device=order.device) * (rows * columns)
        moved = blocks.index_select(0, (first[:, None] + order).flatten())
        moved = moved.reshape(number, rows, columns, *blocks.shape[1:])
        return moved.permute(0, 3, 1, 4, 2, 5).reshape(maps.shape)
