# Copyright (c) semipose_mm authors.
"""What predictions on a video without labels tell of networks."""
