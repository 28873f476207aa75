# Copyright (c) semipose_mm authors.
"""Pseudo-labels: what a model's predictions agree on, to train on anew."""
