# Copyright (c) semipose_mm authors.
"""Which frames of a video are worth a place among unlabeled images."""
from typing import NamedTuple, Tuple

import cv2
import numpy as np

#: Width and height of a thumbnail in pixels.
SIDE = 32
#: Components of the thumbnails that k-means sees.
COMPONENTS = 32
#: Rows that are taken at once, which bounds the memory beside thumbnails.
_ROWS = 4096
#: No cell of near-duplicates differs by more grey levels (0 to 255) than this.
MAX_NEAR = 4.


class Choice(NamedTuple):
    """Frames of a video.

    Args:
        numbers (np.ndarray): Their numbers, ascending, (M,), int.
        near (int): How many more were chosen and are near-duplicates of
            these.
    """

    numbers: np.ndarray
    near: int


def thumbnail(frame: np.ndarray) -> np.ndarray:
    """A small grey picture of a frame.

    Args:
        frame (np.ndarray): BGR (H, W, 3), uint8.

    Returns:
        np.ndarray: Flat, (SIDE * SIDE,), uint8.
    """
    small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).ravel()


def by_stride(total: int, num: int) -> np.ndarray:
    """Choose frames at equal distances.

    Args:
        total (int): Number of frames, at least 1.
        num (int): How many to choose; all if there are not more.

    Returns:
        np.ndarray: Their numbers, ascending, (min(num, total),), int.
    """
    num = min(num, total)
    return ((2 * np.arange(num) + 1) * total) // (2 * num)


def motion(thumbnails: np.ndarray) -> np.ndarray:
    """How much each frame differs from the one before.

    Args:
        thumbnails (np.ndarray): (N, D), uint8.

    Returns:
        np.ndarray: Mean absolute difference in grey levels, 0 to 255, (N,);
        that of the first frame is 0.
    """
    found = np.zeros(len(thumbnails))
    for i in range(1, len(thumbnails), _ROWS):
        rows = thumbnails[i - 1:i + _ROWS].astype(np.float32)
        found[i:i + _ROWS] = np.abs(np.diff(rows, axis=0)).mean(1)
    return found


def by_motion(moved: np.ndarray, num: int) -> np.ndarray:
    """Choose frames at equal steps of the motion that has added up.

    The more a stretch moves, the more frames it gives. A frame counts as one
    step at most, so that a cut does not take the place of several.

    Args:
        moved (np.ndarray): What :func:`motion` gives, (N,).
        num (int): How many to choose; all if there are not more.

    Returns:
        np.ndarray: Their numbers, ascending, at most ``num``, int.
    """
    if num >= len(moved) or not moved.any():
        return by_stride(len(moved), num)
    # stills have a part, too, which keeps the step above 0
    parts = np.maximum(moved, 0.01 * moved.mean())
    step = parts.sum() / num
    for _ in range(100):
        limited = np.minimum(parts, step)
        step, before = limited.sum() / num, step
        if step > before * (1 - 1e-6):
            break
    ends = np.cumsum(np.minimum(parts, step))
    places = (np.arange(num) + 0.5) * ends[-1] / num
    return np.unique(np.searchsorted(ends, places).clip(0, len(moved) - 1))


def by_kmeans(thumbnails: np.ndarray, num: int, seed: int = 0) -> np.ndarray:
    """Choose the frame nearest to each center of k-means.

    As DeepLabCut's extraction of frames, on thumbnails. k-means sees their
    first principal components, without the brightness of each.

    Args:
        thumbnails (np.ndarray): (N, D), uint8.
        num (int): How many to choose; all if there are not more.
        seed (int): Of OpenCV's k-means++. Defaults to 0.

    Returns:
        np.ndarray: Their numbers, ascending, at most ``num``, int.
    """
    if num >= len(thumbnails):
        return np.arange(len(thumbnails))
    owners, away = clusters(_components(thumbnails), num, seed)
    # the first of each cluster in the order of (cluster, distance)
    order = np.lexsort((away, owners))
    _, first = np.unique(owners[order], return_index=True)
    return np.sort(order[first])


def clusters(features: np.ndarray,
             num: int,
             seed: int = 0) -> Tuple[np.ndarray, np.ndarray]:
    """Find clusters by k-means.

    Args:
        features (np.ndarray): (N, D), float32.
        num (int): Number of clusters, at most N.
        seed (int): Of OpenCV's k-means++. Defaults to 0.

    Returns:
        tuple: The cluster of each, (N,), int, and its squared distance from
        the center, (N,).
    """
    cv2.setRNGSeed(seed)
    ends = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1e-3)
    _, owners, centers = cv2.kmeans(features, num, None, ends, 1,
                                    cv2.KMEANS_PP_CENTERS)
    owners = owners.ravel()
    return owners, ((features - centers[owners])**2).sum(1)


def _rows(thumbnails: np.ndarray):
    """Blocks of rows without the brightness of each."""
    for i in range(0, len(thumbnails), _ROWS):
        rows = thumbnails[i:i + _ROWS].astype(np.float32)
        yield rows - rows.mean(1, keepdims=True)


def _components(thumbnails: np.ndarray) -> np.ndarray:
    """Principal components of thumbnails, (N, COMPONENTS), float32."""
    num, size = thumbnails.shape
    total, square = np.zeros(size), np.zeros((size, size))
    for rows in _rows(thumbnails):
        total += rows.sum(0)
        square += rows.T @ rows
    mean = total / num
    _, vectors = np.linalg.eigh(square / num - np.outer(mean, mean))
    vectors = vectors[:, :-COMPONENTS - 1:-1].astype(np.float32)
    return np.concatenate([rows @ vectors for rows in _rows(thumbnails)
                           ]) - (mean @ vectors).astype(np.float32)


def drop_near(thumbnails: np.ndarray, numbers: np.ndarray) -> Choice:
    """Leave out frames that show what another one shows.

    Two frames are near-duplicates if no cell of their thumbnails differs by
    more than half of the successive frames of the video do, or by
    :data:`MAX_NEAR` where that is less.

    Args:
        thumbnails (np.ndarray): Those of all frames, (N, D), uint8.
        numbers (np.ndarray): The frames chosen, ascending, (M,), int.

    Returns:
        Choice: The first of those that are alike.
    """
    steps = [
        np.abs(np.diff(thumbnails[i:i + _ROWS].astype(np.int16),
                       axis=0)).max(1)
        for i in range(0,
                       len(thumbnails) - 1, _ROWS)
    ]
    limit = min(MAX_NEAR, np.median(np.concatenate(steps))) if steps else 0
    chosen = thumbnails[numbers].astype(np.int16)
    kept: list = []
    for i, one in enumerate(chosen):
        away = np.abs(chosen[kept] - one).max(1) if kept else [np.inf]
        if min(away) > limit:
            kept.append(i)
    return Choice(numbers[kept], len(numbers) - len(kept))
