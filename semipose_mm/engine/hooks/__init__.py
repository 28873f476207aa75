# Copyright (c) semipose_mm authors.
"""Hooks: mutual teaching, checkpoints that survive, stopping, layout."""
from .channels_last_hook import ChannelsLastHook
from .mutual_teaching_hook import MutualTeachingHook
from .safe_checkpoint_hook import CheckpointError, SafeCheckpointHook
from .stop_hook import StopOnRequestHook

__all__ = [
    'ChannelsLastHook', 'CheckpointError', 'MutualTeachingHook',
    'SafeCheckpointHook', 'StopOnRequestHook'
]
