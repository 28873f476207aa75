# Copyright (c) semipose_mm authors.
"""The estimator, its preprocessor and the hard views."""
from .data_preprocessor import SemiPoseDataPreprocessor
from .hard_views import (BlockShuffle, CutMix, Cutout, HardAffine,
                         JointCutOcclude, JointCutout, LegacyCutMix,
                         LegacyCutout, LegacyHardAffine, LegacyJointCutOcclude,
                         LegacyJointCutout, LegacyMixUp, MixUp)
from .semi_pose_estimator import SemiPoseEstimator
from .targets import MeanTarget
from .teacher_passes import PlainPass
from .teachers import EMATeacher, FrozenTeacher, SnapshotTeacher

__all__ = [
    'BlockShuffle', 'CutMix', 'Cutout', 'EMATeacher', 'FrozenTeacher',
    'HardAffine', 'JointCutOcclude', 'JointCutout', 'LegacyCutMix',
    'LegacyCutout', 'LegacyHardAffine', 'LegacyJointCutOcclude',
    'LegacyJointCutout', 'LegacyMixUp', 'MeanTarget', 'MixUp', 'PlainPass',
    'SemiPoseDataPreprocessor', 'SemiPoseEstimator', 'SnapshotTeacher'
]
