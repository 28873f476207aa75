# Copyright (c) semipose_mm authors.
"""Pictures and tables of data, predictions and trainings."""
