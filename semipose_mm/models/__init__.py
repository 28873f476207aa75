# Copyright (c) semipose_mm authors.
"""The estimator, its preprocessor, and what its lists may name."""
from .data_preprocessor import SemiPoseDataPreprocessor
from .hard_views import (HardAffine, JointCutout, LegacyHardAffine,
                         LegacyJointCutout)
from .selection import (AgreementSelection, EitherSelection, ProductSelection,
                        QuantileSelection, ScoreDifferenceSelection,
                        ScoreSelection, SmallLossSelection)
from .semi_pose_estimator import SemiPoseEstimator
from .targets import (BestPairTarget, HeightNormalizedTarget, MaximumTarget,
                      MeanTarget, RenderedTarget)
from .teacher_passes import FlippedPass, MultiViewPass, PlainPass

__all__ = [
    'AgreementSelection', 'BestPairTarget', 'EitherSelection', 'FlippedPass',
    'HardAffine', 'HeightNormalizedTarget', 'JointCutout', 'LegacyHardAffine',
    'LegacyJointCutout', 'MaximumTarget', 'MeanTarget', 'MultiViewPass',
    'PlainPass', 'ProductSelection', 'QuantileSelection', 'RenderedTarget',
    'ScoreDifferenceSelection', 'ScoreSelection', 'SemiPoseDataPreprocessor',
    'SemiPoseEstimator', 'SmallLossSelection'
]
