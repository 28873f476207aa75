# Copyright (c) semipose_mm authors.
"""Measures of predictions on video that need no labels of it.

The temporal norm and the error of the reconstruction by PCA are those
of Lightning Pose (Biderman et al., Nature Methods 2024), which also
compares them with the error.
"""
from itertools import combinations
from typing import NamedTuple, Sequence

import numpy as np

from semipose_mm.data_files import DataError

#: Share of the variance of labeled poses that their space holds.
VARIANCE = 0.99
#: A joint is part of the poses if this share of the labels has it.
LABELED = 0.8


def jumps(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """How far each joint is from where it was a frame before.

    Args:
        points (np.ndarray): x, y in pixels, (N, K, 2).
        frames (np.ndarray): Numbers of the frames, ascending, (N,).

    Returns:
        np.ndarray: In pixels, (N, K); nan where the frame before is not
        there.
    """
    found = np.full(points.shape[:2], np.nan)
    found[1:] = np.linalg.norm(np.diff(points, axis=0), axis=2)
    found[1:][np.diff(frames) != 1] = np.nan
    return found


def second_differences(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """How far each joint is from going on as it went, jitter above all.

    Args:
        points (np.ndarray): x, y in pixels, (N, K, 2).
        frames (np.ndarray): Numbers of the frames, ascending, (N,).

    Returns:
        np.ndarray: Norm of ``p[t + 1] - 2 p[t] + p[t - 1]`` in pixels,
        (N, K); nan where a neighbor is not there.
    """
    found = np.full(points.shape[:2], np.nan)
    if len(points) > 2:
        found[1:-1] = np.linalg.norm(np.diff(points, 2, axis=0), axis=2)
        found[1:-1][frames[2:] - frames[:-2] != 2] = np.nan
    return found


def disagreement(points: Sequence[np.ndarray]) -> np.ndarray:
    """How far networks are from each other.

    Args:
        points (Sequence[np.ndarray]): Those of at least two networks, x, y
            in pixels, (N, K, 2) each.

    Returns:
        np.ndarray: Mean distance of all pairs in pixels, (N, K).
    """
    return np.mean([
        np.linalg.norm(one - other, axis=2)
        for one, other in combinations(points, 2)
    ], 0)


class PoseSpace(NamedTuple):
    """The plane in which labeled poses lie, by their principal components.

    Args:
        joints (np.ndarray): Indices of the joints that it knows, (J,).
        mean (np.ndarray): The mean pose in pixels, (2 J,).
        components (np.ndarray): Orthonormal rows, (C, 2 J).
        poses (int): Number of labeled poses that it is made of.
    """

    joints: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    poses: int

    def errors(self, points: np.ndarray) -> np.ndarray:
        """Distance of each joint from where the nearest pose has it.

        Args:
            points (np.ndarray): x, y in pixels, (N, K, 2).

        Returns:
            np.ndarray: In pixels, (N, K); nan for joints that the space does
            not know.
        """
        flat = points[:, self.joints].reshape(len(points), -1) - self.mean
        rest = flat - flat @ self.components.T @ self.components
        found = np.full(points.shape[:2], np.nan)
        found[:, self.joints] = np.linalg.norm(
            rest.reshape(len(points), -1, 2), axis=2)
        return found


def pose_space(keypoints: np.ndarray, where: str) -> PoseSpace:
    """Find the space of labeled poses.

    It is made of the poses that have all joints which four fifths have.

    Args:
        keypoints (np.ndarray): x, y in pixels and visibility, above 0 for a
            labeled joint, (M, K, 3).
        where (str): The labels, for messages.

    Returns:
        PoseSpace: With the fewest components that hold 99 % of the variance.

    Raises:
        DataError: If there are too few labels for any.
    """
    there = keypoints[..., 2] > 0
    joints = np.flatnonzero(there.sum(0) >= max(1, LABELED * len(there)))
    poses = keypoints[there[:, joints].all(1)][:, joints, :2]
    flat = poses.reshape(len(poses), 2 * len(joints))
    mean = flat.mean(0) if len(flat) else flat
    if len(joints) > 1 and len(flat) > 2:
        _, scales, rows = np.linalg.svd(flat - mean, full_matrices=False)
        held = np.cumsum(scales**2) / max((scales**2).sum(), 1e-12)
        count = int(np.searchsorted(held, VARIANCE)) + 1
        # as many components as poses would hold any pose
        if count < len(flat) - 1 and count < flat.shape[1]:
            return PoseSpace(joints, mean, rows[:count], len(flat))
    raise DataError(
        f'{where} has {len(flat)} poses with all of the {len(joints)} joints '
        'that four fifths of the labels have: too few for their space. Give '
        'more labels, or none')
