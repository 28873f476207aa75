# Copyright (c) semipose_mm authors.
"""How much labeled poses differ in orientation and size: pure functions."""
from typing import NamedTuple, Optional, Tuple

import numpy as np

#: Least and largest bounds of the rotation of crops in degrees and of the
#: change of their size, and those where nothing is known; bounds in spreads.
ROTATION, SCALE, UNKNOWN, SPREADS = (20, 80), (0.15, 0.35), (40, 0.25), 3
#: Rounds in which poses and their mean are aligned.
ROUNDS = 10
#: Fewest poses and joints of a pose that tell anything.
POSES, JOINTS = 5, 3


class PoseSpread(NamedTuple):
    """What 68 % of the poses do not exceed: a standard deviation, if normal.

    Attributes:
        angle (float): Turn against the mean pose, in degrees within
            [0, 180].
        scale (float): Natural logarithm of the size in the crop beside the
            usual one, at least 0.
    """
    angle: float
    scale: float


def pose_spread(keypoints: np.ndarray,
                boxes: np.ndarray) -> Optional[PoseSpread]:
    """Measure how poses are turned and scaled against their mean.

    Poses are centered, and turned and scaled onto their mean, which is found
    anew from them (generalized Procrustes analysis: Gower, Psychometrika
    1975, without reflections).

    Args:
        keypoints (np.ndarray): x, y in pixels and visibility of shape
            (N, K, 3); joints of visibility 0 do not count.
        boxes (np.ndarray): x, y, width, height in pixels of shape (N, 4), by
            whose longer side they are cropped.

    Returns:
        PoseSpread, optional: None with too few poses.
    """
    seen = (keypoints[..., 2] > 0).astype(float)
    told = (seen.sum(1) >= JOINTS) & (boxes[:, 2:].max(1) > 0)
    if told.sum() < POSES:
        return None
    seen, keypoints, boxes = seen[told], keypoints[told], boxes[told]
    points = (keypoints[..., 0] + 1j * keypoints[..., 1]) * seen
    poses = _centered(points / boxes[:, 2:].max(1)[:, None], seen)
    fits = np.ones(len(poses), complex)
    for _ in range(ROUNDS):
        turns = fits / np.maximum(np.abs(fits), 1e-9)
        mean = (poses * turns[:, None]).sum(0) / np.maximum(seen.sum(0), 1)
        # of the joints that a pose has
        parts = _centered(mean * seen, seen)
        fits = (poses.conj() * parts).sum(1)
    turns = fits / np.maximum(np.abs(fits), 1e-9)
    angles = np.angle(turns * np.conj(turns.mean()))
    own, usual = ((np.abs(one)**2).sum(1) for one in (poses, parts))
    sizes = np.log(np.maximum(own, 1e-18) / np.maximum(usual, 1e-18)) / 2
    return PoseSpread(
        float(np.degrees(np.percentile(np.abs(angles), 68))),
        float(np.percentile(np.abs(sizes - np.median(sizes)), 68)))


def crop_bounds(spread: Optional[PoseSpread]) -> Tuple[int, float]:
    """By how much crops of labeled images are turned and scaled at most.

    A network that sees poses as they never occur spends its capacity on
    them; one that lacks those that do occur learns them from nothing else
    (docs/results.md has what either costs).

    Args:
        spread (PoseSpread, optional): Of the labels.

    Returns:
        tuple[int, float]: ``rotate_factor`` in degrees, and the largest
        distance of ``scale_factor`` from 1, of ``RandomBBoxTransform``.
    """
    if spread is None:
        return UNKNOWN
    angle, scale = (min(max(SPREADS * one, low), high)
                    for one, (low, high) in zip(spread, (ROTATION, SCALE)))
    return round(angle), round(scale, 2)


def _centered(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Complex points about the mean of those that are seen, others 0."""
    mean = (points * seen).sum(1) / seen.sum(1)
    return (points - mean[:, None]) * seen
