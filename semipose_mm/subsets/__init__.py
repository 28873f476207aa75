# Copyright (c) semipose_mm authors.
"""Labeled subsets: which instances, in which order, and their manifest."""
