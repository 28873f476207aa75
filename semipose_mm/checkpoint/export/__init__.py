# Copyright (c) semipose_mm authors.
"""One network as MMPose alone uses it, its check, and ONNX."""
