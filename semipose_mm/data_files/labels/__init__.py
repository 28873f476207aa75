# Copyright (c) semipose_mm authors.
"""Labels: read, mended where that is safe, and counted."""
from .coco import labels_of, read_labels
from .entries import Entry, instance_area, labeled_images, unused_reason
from .joints import count_labeled
from .mpii import read_mpii
from .table import Labels

__all__ = [
    'Entry', 'Labels', 'count_labeled', 'instance_area', 'labeled_images',
    'labels_of', 'read_labels', 'read_mpii', 'unused_reason'
]
