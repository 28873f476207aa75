# Copyright (c) semipose_mm authors.
"""Who teaches whom, how teachers come about, and what they teach."""
from .comparison import Comparison, Taught
from .followers import Follower, freeze_weights
from .passes import FlippedPass, MultiViewPass, PlainPass
from .plan import HardView, NetworkKey, Route, TeachingPlan
from .targets import (BestPairTarget, HeightNormalizedTarget, MaximumTarget,
                      MeanTarget, RenderedTarget)
from .teachers import (EMATeacher, FrozenTeacher, SnapshotTeacher, TeacherRule,
                       build_rules, check_norm)

__all__ = [
    'BestPairTarget', 'Comparison', 'EMATeacher', 'FlippedPass', 'Follower',
    'FrozenTeacher', 'HardView', 'HeightNormalizedTarget', 'MaximumTarget',
    'MeanTarget', 'MultiViewPass', 'NetworkKey', 'PlainPass', 'RenderedTarget',
    'Route', 'SnapshotTeacher', 'Taught', 'TeacherRule', 'TeachingPlan',
    'build_rules', 'check_norm', 'freeze_weights'
]
