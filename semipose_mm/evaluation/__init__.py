# Copyright (c) semipose_mm authors.
"""Metrics that MMPose does not have, and scores of several networks."""
from .box_pck import BoxPCK
from .network_evaluator import NetworkEvaluator

__all__ = ['BoxPCK', 'NetworkEvaluator']
