# Copyright (c) semipose_mm authors.
"""Hooks: mutual teaching, losses, checkpoints, stopping, layout."""
from .channels_last_hook import ChannelsLastHook
from .compile_hook import CompileHook
from .deferred_info_hook import DeferredRuntimeInfoHook
from .mutual_teaching_hook import MutualTeachingHook
from .new_layers_hook import NewLayersHook
from .safe_checkpoint_hook import CheckpointError, SafeCheckpointHook
from .stop_hook import StopOnRequestHook
from .suspicious_labels_hook import SuspiciousLabelsHook
from .teacher_update_hook import TeacherUpdateHook
from .teaching_monitor_hook import TeachingMonitorHook
from .unsup_weight_hook import UnsupWeightHook

__all__ = [
    'ChannelsLastHook', 'CheckpointError', 'CompileHook',
    'DeferredRuntimeInfoHook', 'MutualTeachingHook', 'NewLayersHook',
    'SafeCheckpointHook', 'StopOnRequestHook', 'SuspiciousLabelsHook',
    'TeacherUpdateHook', 'TeachingMonitorHook', 'UnsupWeightHook'
]
