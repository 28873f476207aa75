# Copyright (c) semipose_mm authors.
"""Distances of predicted joints from labeled ones, and what sums them up."""
from typing import Dict, Tuple

import numpy as np

#: What :func:`summarize` tells beside the number of values.
STATISTICS = ('mean', 'median', '95%')


def labeled_distances(sample: dict,
                      metric: str) -> Tuple[np.ndarray, np.ndarray]:
    """How far each joint is from its label.

    Args:
        sample (dict): A prediction with ground truth, of N instances.
        metric (str): The metric that asks, for messages.

    Returns:
        tuple: Distances (N, K) in pixels of the image, and which joints are
        labeled, (N, K): visible above 0 and at a finite place.

    Raises:
        ValueError: If the box is a detector's, which has no labels.
    """
    truth = sample['gt_instances']
    visible = np.asarray(truth['keypoints_visible']) > 0
    # (N, K, 2) holds visibility and weight
    visible = visible[..., 0] if visible.ndim == 3 else visible
    positions = np.asarray(truth['keypoints'], dtype=np.float64)[..., :2]
    # a detector's boxes come with made-up joints at the origin
    annotated = 'raw_ann_info' in sample or 'category_id' in sample
    if visible.any() and not positions.any() and not annotated:
        raise ValueError(
            f"{sample.get('img_path', 'a sample')} has no annotated "
            f'keypoints. {metric} needs ground truth: set bbox_file to '
            "'' in the dataset of val_dataloader and test_dataloader")
    found = np.asarray(sample['pred_instances']['keypoints'])[..., :2]
    distances = np.linalg.norm(found - positions, axis=-1)
    # a prediction that is nowhere is as wrong as can be
    distances[np.isnan(found).any(-1)] = np.inf
    return distances, visible & np.isfinite(positions).all(-1)


def summarize(values: np.ndarray) -> Dict[str, float]:
    """Mean, median and 95 % quantile of what is known, and its number.

    Args:
        values (np.ndarray): Of any shape; nan is not known.

    Returns:
        dict: The keys of :data:`STATISTICS`, nan where nothing is known, and
        ``values``.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return dict.fromkeys(STATISTICS, np.nan) | dict(values=0)
    # between infinite values there is no place
    method = 'linear' if np.isfinite(known).all() else 'higher'
    numbers = (known.mean(), np.quantile(known, 0.5, method=method),
               np.quantile(known, 0.95, method=method))
    return dict(zip(STATISTICS, map(float, numbers))) | dict(values=len(known))
