# Copyright (c) semipose_mm authors.
"""Which transforms move an image, and which change how it looks."""
from typing import Any

from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import Compose
from mmpose.datasets.transforms import (GetBBoxCenterScale,
                                        RandomBBoxTransform, RandomFlip,
                                        TopdownAffine)

from .easy_affine import EasyAffine
from .hard_crop import HardCrop

#: Loading, boxes, flips and crops; a hard crop leaves the easy view alone.
GEOMETRY = (EasyAffine, GetBBoxCenterScale, HardCrop, LoadImageFromFile,
            RandomBBoxTransform, RandomFlip, TopdownAffine)

# by name, as they are of several packages: colours, noise, holes, mixtures
_APPEARANCE = {
    'Albu', 'Albumentation', 'AutoAugment', 'AutoContrast', 'Brightness',
    'CoarseDropout', 'ColorJitter', 'ColorTransform', 'Contrast', 'Corrupt',
    'CutOut', 'Cutout', 'Equalize', 'GaussianBlur', 'Invert', 'Lighting',
    'MixUp', 'Mosaic', 'PhotoMetricDistortion', 'PhotometricDistortion',
    'Posterize', 'RandAugment', 'RandomErasing', 'RandomGrayscale',
    'Sharpness', 'Solarize', 'SolarizeAdd', 'TrivialAugmentWide',
    'YOLOXHSVRandomAug', 'YOLOXMixUp'
}


def is_geometry(transform: Any) -> bool:
    """Whether a transform is known to move an image at most."""
    inner = _inner(transform)
    return isinstance(
        transform, GEOMETRY) or bool(inner) and all(map(is_geometry, inner))


def is_appearance(transform: Any) -> bool:
    """Whether a transform is known to change how an image looks.

    Args:
        transform (Callable): One, or a choice of several.
    """
    inner = _inner(transform)
    names = {cls.__name__ for cls in type(transform).__mro__}
    return bool(names & _APPEARANCE) or bool(inner) and all(
        map(is_appearance, inner))


def _inner(transform: Any) -> list:
    """What a transform such as ``RandomApply`` is made of."""
    found = getattr(transform, 'transforms', None) or ()
    found = getattr(found, 'transforms', found)
    return [
        part for one in found
        for part in (one.transforms if isinstance(one, Compose) else (one, ))
    ]
