# Copyright (c) semipose_mm authors.
"""Which joints of a target count, and how much: ``model.routes[].select``."""
from .agreement import AgreementSelection, ScoreDifferenceSelection
from .base import Schedule, Selection
from .combined import EitherSelection, ProductSelection
from .confidence import QuantileSelection, ScoreSelection
from .small_loss import SmallLossSelection

__all__ = [
    'AgreementSelection', 'EitherSelection', 'ProductSelection',
    'QuantileSelection', 'Schedule', 'ScoreDifferenceSelection',
    'ScoreSelection', 'Selection', 'SmallLossSelection'
]
