# Copyright (c) semipose_mm authors.
"""Training, validation and test, and what watches them."""
from .eval_loops import SemiPoseTestLoop, SemiPoseValLoop
from .iter_train_loop import SemiPoseIterTrainLoop
from .train_loop import LabelError, NonFiniteError, SemiPoseTrainLoop

__all__ = [
    'LabelError', 'NonFiniteError', 'SemiPoseIterTrainLoop',
    'SemiPoseTestLoop', 'SemiPoseTrainLoop', 'SemiPoseValLoop'
]
