# Copyright (c) semipose_mm authors.
"""The estimator, its preprocessor, and what its lists may name."""
from .data_preprocessor import SemiPoseDataPreprocessor
from .hard_views import (BlockShuffle, CutMix, Cutout, HardAffine,
                         JointCutOcclude, JointCutout, LegacyCutMix,
                         LegacyCutout, LegacyHardAffine, LegacyJointCutOcclude,
                         LegacyJointCutout, LegacyMixUp, MixUp)
from .semi_pose_estimator import SemiPoseEstimator
from .targets import (BestPairTarget, HeightNormalizedTarget, MaximumTarget,
                      MeanTarget, RenderedTarget)
from .teacher_passes import FlippedPass, MultiViewPass, PlainPass
from .teachers import EMATeacher, FrozenTeacher, SnapshotTeacher

__all__ = [
    'BestPairTarget', 'BlockShuffle', 'CutMix', 'Cutout', 'EMATeacher',
    'FlippedPass', 'FrozenTeacher', 'HardAffine', 'HeightNormalizedTarget',
    'JointCutOcclude', 'JointCutout', 'LegacyCutMix', 'LegacyCutout',
    'LegacyHardAffine', 'LegacyJointCutOcclude', 'LegacyJointCutout',
    'LegacyMixUp', 'MaximumTarget', 'MeanTarget', 'MixUp', 'MultiViewPass',
    'PlainPass', 'RenderedTarget', 'SemiPoseDataPreprocessor',
    'SemiPoseEstimator', 'SnapshotTeacher'
]
