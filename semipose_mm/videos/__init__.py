# Copyright (c) semipose_mm authors.
"""Videos: read frame by frame, and frames of them chosen and written."""
