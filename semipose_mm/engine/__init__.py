# Copyright (c) semipose_mm authors.
"""Loops, hooks and the optim wrapper."""
from .hooks import (ChannelsLastHook, CheckpointError, CompileHook,
                    DeferredRuntimeInfoHook, MutualTeachingHook, NewLayersHook,
                    SafeCheckpointHook, StopOnRequestHook,
                    SuspiciousLabelsHook, TeacherUpdateHook,
                    TeachingMonitorHook, UnsupWeightHook)
from .loops import (LabelError, NonFiniteError, SemiPoseIterTrainLoop,
                    SemiPoseTestLoop, SemiPoseTrainLoop, SemiPoseValLoop)
from .optim import (AnyDeviceAmpOptimWrapper, FiniteOptimWrapper,
                    NetworkLayerDecayOptimWrapperConstructor)
from .runner import SemiPoseRunner

__all__ = [
    'AnyDeviceAmpOptimWrapper', 'ChannelsLastHook', 'CheckpointError',
    'CompileHook', 'DeferredRuntimeInfoHook', 'FiniteOptimWrapper',
    'LabelError', 'MutualTeachingHook',
    'NetworkLayerDecayOptimWrapperConstructor', 'NewLayersHook',
    'NonFiniteError', 'SafeCheckpointHook', 'SemiPoseIterTrainLoop',
    'SemiPoseTestLoop', 'SemiPoseTrainLoop', 'SemiPoseValLoop',
    'StopOnRequestHook', 'SuspiciousLabelsHook', 'TeacherUpdateHook',
    'TeachingMonitorHook', 'UnsupWeightHook'
]
