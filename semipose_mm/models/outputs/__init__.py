# Copyright (c) semipose_mm authors.
"""What heads predict: heatmaps or SimCC vectors, with one interface."""
from .factory import build_output
from .head_output import HeadOutput
from .heatmap_output import HeatmapOutput
from .simcc_output import SimCCOutput, SimCCVectors

__all__ = [
    'HeadOutput', 'HeatmapOutput', 'SimCCOutput', 'SimCCVectors',
    'build_output'
]
