# Copyright (c) semipose_mm authors.
"""Hard views: batched tensor operations on the device."""
from .block_shuffle import BlockShuffle
from .cutmix import CutMix, LegacyCutMix
from .cutout import Cutout, LegacyCutout
from .hard_affine import HardAffine, LegacyHardAffine
from .joint_cut_occlude import JointCutOcclude, LegacyJointCutOcclude
from .joint_cutout import JointCutout, LegacyJointCutout
from .mixup import LegacyMixUp, MixUp

__all__ = [
    'BlockShuffle', 'CutMix', 'Cutout', 'HardAffine', 'JointCutOcclude',
    'JointCutout', 'LegacyCutMix', 'LegacyCutout', 'LegacyHardAffine',
    'LegacyJointCutOcclude', 'LegacyJointCutout', 'LegacyMixUp', 'MixUp'
]
