# Copyright (c) semipose_mm authors.
"""Loops, hooks and the optim wrapper."""
from .eval_loops import SemiPoseTestLoop, SemiPoseValLoop
from .finite_steps import FiniteOptimWrapper
from .hooks import (ChannelsLastHook, CheckpointError, CompileHook,
                    DeferredRuntimeInfoHook, MutualTeachingHook,
                    SafeCheckpointHook, StopOnRequestHook)
from .iter_train_loop import SemiPoseIterTrainLoop
from .layer_decay import NetworkLayerDecayOptimWrapperConstructor
from .optim_wrapper import AnyDeviceAmpOptimWrapper
from .train_loop import LabelError, NonFiniteError, SemiPoseTrainLoop

__all__ = [
    'AnyDeviceAmpOptimWrapper', 'ChannelsLastHook', 'CheckpointError',
    'CompileHook', 'DeferredRuntimeInfoHook', 'FiniteOptimWrapper',
    'LabelError', 'MutualTeachingHook',
    'NetworkLayerDecayOptimWrapperConstructor', 'NonFiniteError',
    'SafeCheckpointHook', 'SemiPoseIterTrainLoop', 'SemiPoseTestLoop',
    'SemiPoseTrainLoop', 'SemiPoseValLoop', 'StopOnRequestHook'
]
