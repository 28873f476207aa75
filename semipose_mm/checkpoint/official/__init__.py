# Copyright (c) semipose_mm authors.
"""Weights that the authors of PoseDual released."""
