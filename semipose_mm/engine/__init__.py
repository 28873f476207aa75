# Copyright (c) semipose_mm authors.
"""Loops, hooks and the optim wrapper."""
from .eval_loops import SemiPoseTestLoop, SemiPoseValLoop
from .hooks import MutualTeachingHook, SafeCheckpointHook
from .optim_wrapper import AnyDeviceAmpOptimWrapper
from .train_loop import SemiPoseTrainLoop

__all__ = [
    'AnyDeviceAmpOptimWrapper', 'MutualTeachingHook', 'SafeCheckpointHook',
    'SemiPoseTestLoop', 'SemiPoseTrainLoop', 'SemiPoseValLoop'
]
