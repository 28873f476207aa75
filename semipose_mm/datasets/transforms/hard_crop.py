# Copyright (c) semipose_mm authors.
"""HardCrop: another crop of the same image, from which a hard view starts."""
from typing import Callable, List, NamedTuple, Optional, Union

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from mmpose.datasets.transforms import (RandomBBoxTransform, RandomFlip,
                                        TopdownAffine)
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix

from .building import build_transforms
from .easy_affine import EasyAffine

# Transforms that leave pixels alone.
BOX_ONLY = (EasyAffine, RandomBBoxTransform)
# What its transforms may change without that the easy view learns of it.
_OWN = ('bbox_center', 'bbox_scale', 'bbox_rotation')


class Crop(NamedTuple):
    """A crop of an image.

    Attributes:
        img (np.ndarray): (H, W, 3), uint8.
        matrix (np.ndarray): (3, 3) from pixels of the image to its own.
        use_udp (bool): Which kind of matrix ``TopdownAffine`` made.
    """
    img: np.ndarray
    matrix: np.ndarray
    use_udp: bool


def crop_matrix(results: dict, use_udp: bool) -> np.ndarray:
    """The motion by which ``TopdownAffine`` has made a crop.

    Args:
        results (dict): What it returned.
        use_udp (bool): Its parameter.

    Returns:
        np.ndarray: (3, 3) from pixels of the image to those of the crop.
    """
    make = get_udp_warp_matrix if use_udp else get_warp_matrix
    rotation = results.get('bbox_rotation', (0., ))[0]
    matrix = make(results['input_center'], results['input_scale'], rotation,
                  results['input_size'])
    return np.vstack([matrix, (0, 0, 1)])


@TRANSFORMS.register_module()
class HardCrop(BaseTransform):
    """Crop the image once more, as labeled images are cropped, say.

    It stands before what crops the easy view. A hard view that is a crop of
    its own is resampled once and shows what lies around the easy crop; a
    warp in the model resamples the easy crop again and finds nothing around
    it. What moves joints from the easy to the hard crop is one matrix, which
    :class:`EasyHardPair` packs, for ``model.views`` with
    ``dict(source=<name>, warp='crop')``.

    Required Keys:

        - img
        - bbox_center
        - bbox_scale

    Added Keys:

        - hard_crops: :class:`Crop` by name

    Args:
        transforms (Sequence[dict]): They change the box, crop it with one
            ``TopdownAffine``, and may change pixel values then.
        name (str): Name of the source. Defaults to ``'hard'``

    Raises:
        ValueError: If there is not one ``TopdownAffine``, or a flip.
    """

    def __init__(self,
                 transforms: List[Union[dict, Callable]],
                 name: str = 'hard') -> None:
        super().__init__()
        self.name = name
        self.pipeline = Compose(build_transforms(transforms))
        crops = [
            t for t in self.pipeline.transforms
            if isinstance(t, TopdownAffine)
        ]
        if len(crops) != 1:
            raise ValueError('HardCrop.transforms must have one TopdownAffine,'
                             f' but has {len(crops)}')
        if any(isinstance(t, RandomFlip) for t in self.pipeline.transforms):
            raise ValueError('HardCrop.transforms has a RandomFlip: it must '
                             'stand before HardCrop, so that both views have '
                             'the same')
        self.use_udp = crops[0].use_udp
        before = self.pipeline.transforms[:self.pipeline.transforms.
                                          index(crops[0])]
        # the easy view must not learn what they do to the image
        self._copies = not all(isinstance(t, BOX_ONLY) for t in before)

    def transform(self, results: dict) -> Optional[dict]:
        """Add a crop.

        Args:
            results (dict): The result dict.

        Returns:
            dict | None: The result dict; None if a transform returned that.
        """
        keys = (*_OWN, 'img') if self._copies else _OWN
        own = {key: results[key].copy() for key in keys if key in results}
        cropped = self.pipeline({**results, **own})
        if cropped is None:
            return None
        matrix = crop_matrix(cropped, self.use_udp)
        results.setdefault('hard_crops',
                           {})[self.name] = Crop(cropped['img'], matrix,
                                                 self.use_udp)
        return results

    def __repr__(self) -> str:
        """Print the basic information of the transform.

        Returns:
            str: Formatted string.
        """
        return (f'{self.__class__.__name__}(name={self.name!r}, '
                f'transforms={self.pipeline.transforms})')
