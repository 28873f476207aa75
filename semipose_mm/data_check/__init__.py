# Copyright (c) semipose_mm authors.
"""What a config reads, checked before a long run, as the training reads it."""
from .report import Report, Section
from .run import check_data

__all__ = ['Report', 'Section', 'check_data']
