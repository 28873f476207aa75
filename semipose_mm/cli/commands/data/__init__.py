# Copyright (c) semipose_mm authors.
"""Commands of data: configs, checks, subsets, boxes and pictures."""
