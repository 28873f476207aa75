# Copyright (c) semipose_mm authors.
"""The one reading of labels, image lists, detections and folders.

Readers return entries and add what is wrong with them to :class:`Findings`.
"""
from .findings import ERROR, NOTE, WARNING, DataError, Finding, Findings

__all__ = ['DataError', 'ERROR', 'Finding', 'Findings', 'NOTE', 'WARNING']
