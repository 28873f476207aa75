# Copyright (c) semipose_mm authors.
"""Prediction: what heads say at test time, decoded, in data samples."""
from .pose_samples import CropFrames, attach, shallow_copies
from .prediction import Poses, Prediction, decode_together
from .predictors import Predictor, build_predictor

__all__ = [
    'CropFrames', 'Poses', 'Prediction', 'Predictor', 'attach',
    'build_predictor', 'decode_together', 'shallow_copies'
]
