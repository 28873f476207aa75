# Copyright (c) semipose_mm authors.
"""What happens before a run begins, and around it: processes, signals."""
