# Copyright (c) semipose_mm authors.
"""Checks of the data that a config reads: functions that return findings."""
