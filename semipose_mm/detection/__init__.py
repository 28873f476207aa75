# Copyright (c) semipose_mm authors.
"""Boxes in unlabeled images, by a detector of MMDetection."""
