# Copyright (c) semipose_mm authors.
"""The estimator, its preprocessor, and what its lists may name."""
from .backbones import HuggingFaceBackbone, TimmBackbone
from .data_preprocessor import SemiPoseDataPreprocessor
from .hard_views import (BlockShuffle, CutMix, Cutout, HardAffine,
                         JointCutOcclude, JointCutout, LegacyCutMix,
                         LegacyCutout, LegacyHardAffine, LegacyJointCutOcclude,
                         LegacyJointCutout, LegacyMixUp, MixUp)
from .selection import (AgreementSelection, EitherSelection, ProductSelection,
                        QuantileSelection, ScoreDifferenceSelection,
                        ScoreSelection, SmallLossSelection)
from .semi_pose_estimator import SemiPoseEstimator
from .teaching import (BestPairTarget, EMATeacher, FlippedPass, FrozenTeacher,
                       HeightNormalizedTarget, MaximumTarget, MeanTarget,
                       MultiViewPass, PlainPass, RenderedTarget,
                       SnapshotTeacher)

__all__ = [
    'AgreementSelection', 'BestPairTarget', 'BlockShuffle', 'CutMix', 'Cutout',
    'EMATeacher', 'EitherSelection', 'FlippedPass', 'FrozenTeacher',
    'HardAffine', 'HeightNormalizedTarget', 'HuggingFaceBackbone',
    'JointCutOcclude', 'JointCutout', 'LegacyCutMix', 'LegacyCutout',
    'LegacyHardAffine', 'LegacyJointCutOcclude', 'LegacyJointCutout',
    'LegacyMixUp', 'MaximumTarget', 'MeanTarget', 'MixUp', 'MultiViewPass',
    'PlainPass', 'ProductSelection', 'QuantileSelection', 'RenderedTarget',
    'ScoreDifferenceSelection', 'ScoreSelection', 'SemiPoseDataPreprocessor',
    'SemiPoseEstimator', 'SmallLossSelection', 'SnapshotTeacher',
    'TimmBackbone'
]
