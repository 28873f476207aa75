# Copyright (c) semipose_mm authors.
"""How runs are started and stopped."""
