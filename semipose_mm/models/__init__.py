# Copyright (c) semipose_mm authors.
"""The estimator, its preprocessor and the hard views."""
from .data_preprocessor import SemiPoseDataPreprocessor
from .hard_views import (HardAffine, JointCutout, LegacyHardAffine,
                         LegacyJointCutout)
from .semi_pose_estimator import SemiPoseEstimator
from .targets import MeanTarget
from .teacher_passes import PlainPass
from .teachers import EMATeacher, FrozenTeacher, SnapshotTeacher

__all__ = [
    'EMATeacher', 'FrozenTeacher', 'HardAffine', 'JointCutout',
    'LegacyHardAffine', 'LegacyJointCutout', 'MeanTarget', 'PlainPass',
    'SemiPoseDataPreprocessor', 'SemiPoseEstimator', 'SnapshotTeacher'
]
