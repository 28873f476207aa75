# Copyright (c) semipose_mm authors.
"""Weights that the authors of PoseDual released."""
from .networks import (OWN_CHANNELS, UNION_FLIP_PAIRS, UNION_JOINTS,
                       Architecture, OfficialError, find_architecture,
                       find_dataset, find_networks, to_estimator, to_mmpose,
                       union_flip_indices, untrained_channels)

__all__ = [
    'Architecture', 'OWN_CHANNELS', 'OfficialError', 'UNION_FLIP_PAIRS',
    'UNION_JOINTS', 'find_architecture', 'find_dataset', 'find_networks',
    'to_estimator', 'to_mmpose', 'union_flip_indices', 'untrained_channels'
]
