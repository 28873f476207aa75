# Copyright (c) semipose_mm authors.
"""How much labeled poses are turned against each other: pure functions."""
from typing import Optional

import numpy as np

#: Least and largest bound of the rotation of crops, and that where nothing
#: is known, in degrees; the bound in spreads.
BOUNDS, UNKNOWN, SPREADS = (20, 80), 40, 3
#: Rounds in which poses and their mean are aligned.
ROUNDS = 10
#: Fewest poses and joints of a pose that tell anything.
POSES, JOINTS = 5, 3


def orientation_spread(keypoints: np.ndarray) -> Optional[float]:
    """By how many degrees poses are turned against their mean.

    Poses are centered, brought to one size and turned onto their mean, which
    is found anew from them (generalized Procrustes analysis: Gower,
    Psychometrika 1975, without reflections).

    Args:
        keypoints (np.ndarray): x, y in pixels and visibility of shape
            (N, K, 3); joints of visibility 0 do not count.

    Returns:
        float, optional: The angle that 68 % of the poses do not exceed, in
        degrees within [0, 180]: a standard deviation where angles are
        normal. None with too few poses.
    """
    seen = (keypoints[..., 2] > 0).astype(float)
    told = seen.sum(1) >= JOINTS
    if told.sum() < POSES:
        return None
    seen, points = seen[told], keypoints[told, :,
                                         0] + 1j * keypoints[told, :, 1]
    poses = _centered(np.where(seen > 0, points, 0), seen)
    sizes = np.sqrt((np.abs(poses)**2).sum(1) / seen.sum(1))
    poses = poses / np.maximum(sizes, 1e-9)[:, None]
    turns = np.ones(len(poses), complex)
    for _ in range(ROUNDS):
        mean = (poses * turns[:, None]).sum(0) / np.maximum(seen.sum(0), 1)
        # of the joints that a pose has
        parts = _centered(np.where(seen > 0, mean, 0), seen)
        fits = (poses.conj() * parts).sum(1)
        turns = fits / np.maximum(np.abs(fits), 1e-9)
    angles = np.angle(turns * np.conj(turns.mean()))
    return float(np.degrees(np.percentile(np.abs(angles), 68)))


def _centered(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Complex points about the mean of those that are seen, others 0."""
    mean = (points * seen).sum(1) / seen.sum(1)
    return (points - mean[:, None]) * seen


def rotation_bound(spread: Optional[float]) -> int:
    """By how many degrees crops of labeled images are turned at most.

    A network that sees poses at angles that never occur spends its capacity
    on them; one that lacks those that do occur learns them from nothing else
    (docs/results.md has what either costs).

    Args:
        spread (float, optional): See :func:`orientation_spread`.

    Returns:
        int: ``rotate_factor`` of ``RandomBBoxTransform``.
    """
    if spread is None:
        return UNKNOWN
    return round(min(max(SPREADS * spread, BOUNDS[0]), BOUNDS[1]))
