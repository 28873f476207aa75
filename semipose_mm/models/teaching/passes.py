# Copyright (c) semipose_mm authors.
"""How a teacher sees the easy view: entries of ``model.teacher_pass``."""
from typing import Any, Callable, List, Optional, Sequence, Tuple

import torch
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from semipose_mm.structures import CodecGeometry, Draws, ViewWarp
from ..building import build_part
from ..outputs import HeadOutput


@MODELS.register_module()
class PlainPass:
    """A teacher sees the easy view as it is: one forward pass."""

    def draw(self, draws: Draws, codec: CodecGeometry) -> Any:
        """Draw what the pass needs, which is nothing here.

        Args:
            draws (Draws): Uniforms of the samples.
            codec (CodecGeometry): Sizes of input and any heatmap.
        """

    def __call__(self, run: Callable[[Tensor], Any], output: HeadOutput,
                 images: Tensor, samples: SampleList, drawn: Any) -> List[Any]:
        """See the images.

        Args:
            run (Callable): The network's pass, from images to its output.
            output (HeadOutput): The kind of output.
            images (Tensor): Normalized easy views (U, 3, H, W).
            samples (list): Data samples, of which the first one has
                ``flip_indices``.
            drawn: What :meth:`draw` returned.

        Returns:
            list: Outputs in the frame of ``images``, in float32.
        """
        return [output.float(run(images))]

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}()'


@MODELS.register_module()
class FlippedPass(PlainPass):
    """A teacher sees the easy view and its mirror image: two passes.

    The output is the mean of both, of what the loss compares.

    Args:
        shift (bool, optional): Whether heatmaps of the mirror image move by
            a pixel, see :meth:`HeadOutput.flip_back`. Defaults to ``None``,
            as the codec needs it
    """

    def __init__(self, shift: Optional[bool] = None) -> None:
        self.shift = shift

    def __call__(self, run: Callable[[Tensor], Any], output: HeadOutput,
                 images: Tensor, samples: SampleList, drawn: Any) -> List[Any]:
        """See :meth:`PlainPass.__call__`.

        Raises:
            KeyError: If the samples tell no pairs of joints.
        """
        plain, = super().__call__(run, output, images, samples, drawn)
        flipped = output.flip_back(
            output.float(run(images.flip(-1))), _flip_indices(samples),
            self.shift)
        return [output.mean([plain, flipped])]

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(shift={self.shift})'


@MODELS.register_module()
class MultiViewPass(PlainPass):
    """A teacher sees the easy view and warped copies of it, mapped back.

    Heatmaps of a copy go through the inverse of its warp; where it does not
    show the easy view, they are those of the easy view itself. Each view is an
    output of its own: targets average them, and selections ask whether they
    agree (several easy views: Pseudo-HMs, Yu et al., WACV 2024; ScarceNet, Li
    and Lee, CVPR 2023). For heatmaps only.

    Args:
        num (int): Views, with the easy one itself. Defaults to 2
        warp (dict, optional): Config of the warp of copies. Defaults to
            ``None``, ``dict(type='HardAffine', prob=1.)``
        of (dict, optional): Config of the pass by which each view is seen,
            such as ``dict(type='FlippedPass')``. Defaults to ``None``,
            ``dict(type='PlainPass')``

    Raises:
        ValueError: If there are less than two views.
    """

    def __init__(self,
                 num: int = 2,
                 warp: Optional[dict] = None,
                 of: Optional[dict] = None) -> None:
        if num < 2:
            raise ValueError('model.teacher_pass.num of MultiViewPass must '
                             f'be at least 2, but got {num}')
        self.num = num
        key = 'model.teacher_pass'
        self.warp = build_part(
            warp or dict(type='HardAffine', prob=1.), f'{key}.warp',
            ('view_warp', ), 'HardAffine')
        self.of = build_part(
            of or dict(type='PlainPass'), f'{key}.of', ('draw', '__call__'),
            'PlainPass, FlippedPass')

    def draw(self, draws: Draws,
             codec: CodecGeometry) -> List[Tuple[Optional[ViewWarp], Any]]:
        """See :meth:`PlainPass.draw`; the easy view itself has no warp."""
        return [(self.warp(draws, codec) if i else None,
                 self.of.draw(draws, codec)) for i in range(self.num)]

    def __call__(self, run: Callable[[Tensor], Any], output: HeadOutput,
                 images: Tensor, samples: SampleList, drawn: Any) -> List[Any]:
        """See :meth:`PlainPass.__call__`.

        Raises:
            TypeError: If outputs cannot be warped back.
        """
        outputs = []
        for warp, one in drawn:
            view = images if warp is None else warp.images(images)
            seen = self.of(run, output, view, samples, one)
            if warp is None:
                plain, outputs = seen, [*seen]
                continue
            for own, easy in zip(seen, plain):
                shown = output.unwarp(output.apply(torch.ones_like, own), warp)
                outputs.append(output.unwarp(own, warp) + (1 - shown) * easy)
        return outputs

    def __repr__(self) -> str:
        return (f'{self.__class__.__name__}(num={self.num}, '
                f'warp={self.warp}, of={self.of})')


def _flip_indices(samples: SampleList) -> Sequence[int]:
    """Number of each joint's partner on the other side."""
    indices = samples[0].metainfo.get('flip_indices')
    if indices is None:
        raise KeyError(
            'model.teacher_pass is FlippedPass, but data samples have no '
            "flip_indices: add 'flip_indices' to meta_keys of the last "
            'transform of train_dataloader.dataset.labeled.pipeline')
    return indices
