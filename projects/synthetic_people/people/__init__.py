# Copyright (c) semipose_mm authors.
"""Pictures of synthetic people with COCO-17 keypoints."""
from .dataset import VERSION, write_dataset
from .sample import SPLITS, make_sample

__all__ = ['SPLITS', 'VERSION', 'make_sample', 'write_dataset']
