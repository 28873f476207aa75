# Copyright (c) semipose_mm authors.
"""Hooks: mutual teaching and checkpoints that are safe to load."""
from .mutual_teaching_hook import MutualTeachingHook
from .safe_checkpoint_hook import SafeCheckpointHook

__all__ = ['MutualTeachingHook', 'SafeCheckpointHook']
