# Copyright (c) semipose_mm authors.
"""How well predictions agree, and which of them may be labels."""
from typing import List, NamedTuple, Tuple

import numpy as np
from scipy.stats import rankdata

from semipose_mm.videos.choosing import clusters

CHOSEN = 'chosen'
FEW = 'too few joints agree'
ALIKE = 'like a chosen one'


class Consensus(NamedTuple):
    """What several predictions of an image say together.

    Args:
        points (np.ndarray): Mean of x and y in pixels, (K, 2).
        scores (np.ndarray): Mean score, (K,).
        spreads (np.ndarray): Root of the mean squared distance from the mean
            in parts of the box's longer side, (K,).
    """
    points: np.ndarray
    scores: np.ndarray
    spreads: np.ndarray


def consensus(poses: np.ndarray, side: float) -> Consensus:
    """Sum up predictions.

    Args:
        poses (np.ndarray): x, y in pixels and score, (V, K, 3).
        side (float): Longer side of the box in pixels.

    Returns:
        Consensus: Their mean and spread.
    """
    points = poses[..., :2].mean(0)
    away = ((poses[..., :2] - points)**2).sum(-1)
    return Consensus(points, poses[..., 2].mean(0),
                     np.sqrt(away.mean(0)) / side)


def ranks(values: np.ndarray) -> np.ndarray:
    """Share of each column that is not larger than a value.

    Args:
        values (np.ndarray): (M, K), the larger the better.

    Returns:
        np.ndarray: (M, K), 1 for the best of a column, 1 / M for the worst
        one; equal values are as good as the best of them.
    """
    return rankdata(values, 'max', axis=0) / max(len(values), 1)


def joint_weights(spreads: np.ndarray, scores: np.ndarray,
                  keep: float) -> np.ndarray:
    """How much each predicted joint may count as a label.

    Each joint is compared with the same joint in all other images, so that no
    threshold depends on the kind of head or on how hard a joint is.

    Args:
        spreads (np.ndarray): (M, K), see :class:`Consensus`.
        scores (np.ndarray): (M, K).
        keep (float): Share of a joint's predictions that can be kept, those
            that agree best, and of these those among as many with the best
            scores; above 0 and at most 1.

    Returns:
        np.ndarray: (M, K), the smaller rank of both from ``1 - keep`` to 1,
        see :func:`ranks`; 0 for what is not kept.
    """
    weights = np.minimum(ranks(-spreads), ranks(scores))
    return np.where(weights > 1 - keep, weights, 0.)


def choose(weights: np.ndarray, poses: np.ndarray, min_joints: float,
           num: int) -> Tuple[np.ndarray, List[str]]:
    """Choose images whose joints agree and whose poses differ.

    As keypoint-pseudo-labeler does: of the images in which enough joints are
    kept, the one that is nearest to each center of k-means of the poses.

    Args:
        weights (np.ndarray): Of :func:`joint_weights`, (M, K).
        poses (np.ndarray): Joints in parts of the box, (M, K, 2).
        min_joints (float): Share of the joints that must be kept.
        num (int): How many to choose.

    Returns:
        tuple: Indices of the chosen images, ascending, at most ``num``, and
        what became of each, M of :data:`CHOSEN`, :data:`FEW`, :data:`ALIKE`.
    """
    kept = (weights > 0).mean(1) >= min_joints
    chosen = good = np.flatnonzero(kept)
    if len(good) > num:
        features = poses[good].reshape(len(good), -1).astype(np.float32)
        owners, away = clusters(features, num)
        order = np.lexsort((away, owners))
        _, first = np.unique(owners[order], return_index=True)
        chosen = np.sort(good[order[first]])
    states = np.where(kept, ALIKE, FEW).astype(object)
    states[chosen] = CHOSEN
    return chosen, states.tolist()
