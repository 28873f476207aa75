# Copyright (c) semipose_mm authors.
"""What the datasets read: labels for MMPose's, boxes for ours."""
