# Copyright (c) semipose_mm authors.
"""Typed batches and geometry as pure functions; depends on torch alone."""
from .geometry import (CodecGeometry, ViewWarp, affine_matrix,
                       conjugate_to_heatmap, heatmap_peaks, normalized_theta,
                       scaled, transform_points, warp, warp_points)
from .semi_batch import (LABEL_FIELDS, SemiPoseDataSamples, SemiPoseInputs,
                         TeachingStep, stack_labels)
from .variates import clipped_normal, uniform_choice, uniform_integers

__all__ = [
    'CodecGeometry', 'LABEL_FIELDS', 'SemiPoseDataSamples', 'SemiPoseInputs',
    'TeachingStep', 'ViewWarp', 'affine_matrix', 'clipped_normal',
    'conjugate_to_heatmap', 'heatmap_peaks', 'normalized_theta', 'scaled',
    'stack_labels', 'transform_points', 'uniform_choice', 'uniform_integers',
    'warp', 'warp_points'
]
