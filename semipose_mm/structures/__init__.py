# Copyright (c) semipose_mm authors.
"""Typed batches, draws, and geometry as pure functions."""
from .draws import Draws, count_draws
from .geometry import (CodecGeometry, ViewWarp, affine_matrix,
                       conjugate_to_heatmap, heatmap_peaks, normalized_theta,
                       scaled, transform_points, warp, warp_points)
from .semi_batch import (LABEL_FIELDS, SemiPoseDataSamples, SemiPoseInputs,
                         TeachingStep, ViewRecord, is_images, matrix_name,
                         stack_labels)

__all__ = [
    'CodecGeometry', 'Draws', 'LABEL_FIELDS', 'SemiPoseDataSamples',
    'SemiPoseInputs', 'TeachingStep', 'ViewRecord', 'ViewWarp',
    'affine_matrix', 'conjugate_to_heatmap', 'count_draws', 'heatmap_peaks',
    'is_images', 'matrix_name', 'normalized_theta', 'scaled', 'stack_labels',
    'transform_points', 'warp', 'warp_points'
]
