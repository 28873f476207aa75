# Copyright (c) semipose_mm authors.
"""Data: the semi-supervised dataset, its sampler, and the easy views."""
from .collate import semi_collate
from .sampler import SemiIndex, SemiPoseSampler
from .seeding import seeded, stream
from .semi_dataset import SemiPoseDataset
from .transforms import *  # noqa: F401, F403
from .transforms import __all__ as _transforms
from .unlabeled_dataset import UnlabeledPoseDataset

__all__ = [
    'SemiIndex', 'SemiPoseDataset', 'SemiPoseSampler', 'UnlabeledPoseDataset',
    'seeded', 'semi_collate', 'stream'
] + _transforms
