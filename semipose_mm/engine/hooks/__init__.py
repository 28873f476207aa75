# Copyright (c) semipose_mm authors.
"""Hooks: mutual teaching, checkpoints that are safe to load, layout."""
from .channels_last_hook import ChannelsLastHook
from .mutual_teaching_hook import MutualTeachingHook
from .safe_checkpoint_hook import SafeCheckpointHook

__all__ = ['ChannelsLastHook', 'MutualTeachingHook', 'SafeCheckpointHook']
