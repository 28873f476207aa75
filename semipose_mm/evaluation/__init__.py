# Copyright (c) semipose_mm authors.
"""Metrics that MMPose does not have, and scores of several networks."""
from semipose_mm.files import write_json, write_text
from .box_pck import BoxPCK
from .fast_coco_metric import FastCocoMetric
from .network_evaluator import NetworkEvaluator
from .pixel_error import PixelError
from .scores import format_score, markdown_table, score_table, split_networks

__all__ = [
    'BoxPCK', 'FastCocoMetric', 'NetworkEvaluator', 'PixelError',
    'format_score', 'markdown_table', 'score_table', 'split_networks',
    'write_json', 'write_text'
]
