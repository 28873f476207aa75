# Copyright (c) semipose_mm authors.
"""Hard views: batched tensor operations on the device."""
from .hard_affine import HardAffine, LegacyHardAffine
from .joint_cutout import JointCutout, LegacyJointCutout

__all__ = [
    'HardAffine', 'JointCutout', 'LegacyHardAffine', 'LegacyJointCutout'
]
