# Copyright (c) semipose_mm authors.
"""Commands of trainings: the runs themselves, and what is made of them."""
