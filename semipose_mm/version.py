# Copyright (c) semipose_mm authors.
"""The version of semipose_mm, its only home; setup.py reads it as text."""

__version__ = '0.1.0'
short_version = __version__
