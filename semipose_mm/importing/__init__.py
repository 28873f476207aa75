# Copyright (c) semipose_mm authors.
"""Labels of other tools become a folder of labels with a held-out part."""
from .make import Imported, import_labels

__all__ = ['Imported', 'import_labels']
