# Copyright (c) semipose_mm authors.
"""Loops, hooks and the optim wrapper."""
from .eval_loops import SemiPoseTestLoop, SemiPoseValLoop
from .hooks import ChannelsLastHook, MutualTeachingHook, SafeCheckpointHook
from .iter_train_loop import SemiPoseIterTrainLoop
from .layer_decay import NetworkLayerDecayOptimWrapperConstructor
from .optim_wrapper import AnyDeviceAmpOptimWrapper
from .train_loop import SemiPoseTrainLoop

__all__ = [
    'AnyDeviceAmpOptimWrapper', 'ChannelsLastHook', 'MutualTeachingHook',
    'NetworkLayerDecayOptimWrapperConstructor', 'SafeCheckpointHook',
    'SemiPoseIterTrainLoop', 'SemiPoseTestLoop', 'SemiPoseTrainLoop',
    'SemiPoseValLoop'
]
