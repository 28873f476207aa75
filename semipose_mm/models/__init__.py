# Copyright (c) semipose_mm authors.
"""The estimator, its preprocessor and the hard views."""
from .data_preprocessor import SemiPoseDataPreprocessor
from .hard_views import (HardAffine, JointCutout, LegacyHardAffine,
                         LegacyJointCutout)
from .semi_pose_estimator import SemiPoseEstimator

__all__ = [
    'HardAffine', 'JointCutout', 'LegacyHardAffine', 'LegacyJointCutout',
    'SemiPoseDataPreprocessor', 'SemiPoseEstimator'
]
