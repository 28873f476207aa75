# Copyright (c) semipose_mm authors.
"""One network as MMPose alone uses it, its check, and ONNX."""
from .network import (annotation_files, describe, make_checkpoint, make_export,
                      scores_by_network)
from .weights import ExportError

__all__ = [
    'ExportError', 'annotation_files', 'describe', 'make_checkpoint',
    'make_export', 'scores_by_network'
]
