# Copyright (c) semipose_mm authors.
"""Commands of checkpoints: into and out of the formats of others."""
