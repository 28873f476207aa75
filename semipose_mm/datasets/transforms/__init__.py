# Copyright (c) semipose_mm authors.
"""Transforms of the easy and hard views that the loader makes."""
from .building import build_transforms
from .easy_affine import EasyAffine
from .easy_hard_pair import EasyHardPair
from .hard_crop import HardCrop
from .rand_augment import RandAugment, TrivialAugment

__all__ = [
    'EasyAffine', 'EasyHardPair', 'HardCrop', 'RandAugment', 'TrivialAugment',
    'build_transforms'
]
