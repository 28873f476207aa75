# Copyright (c) semipose_mm authors.
"""Backbones of other libraries, by one set of rules."""
from .hugging_face import HuggingFaceBackbone
from .library import LibraryBackbone, MissingLibrary, check_normalization
from .timm import TimmBackbone

__all__ = [
    'HuggingFaceBackbone', 'LibraryBackbone', 'MissingLibrary', 'TimmBackbone',
    'check_normalization'
]
