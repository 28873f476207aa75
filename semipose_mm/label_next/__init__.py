# Copyright (c) semipose_mm authors.
"""Which frames to label next, and their pre-annotations."""
