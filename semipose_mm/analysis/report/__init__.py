# Copyright (c) semipose_mm authors.
"""A training as one html page: what it logged, predicts and is taught."""
