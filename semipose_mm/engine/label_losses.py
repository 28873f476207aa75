# Copyright (c) semipose_mm authors.
"""Losses of labeled joints over a training, and which of them look wrong.

A label that is right is learned: its loss falls far, and is smallest late. A
wrong one contradicts the others: its loss falls little, or grows. REMIND
(2026) describes each joint of each label by the amplitude and the trend of its
loss, and finds two clusters of them.
"""
from typing import Dict, List, NamedTuple, Sequence, Tuple, Union

import numpy as np
from scipy.cluster.vq import kmeans2

#: Fewer values of a loss have no trend.
MIN_BINS = 3
#: Fewer joints make no clusters.
MIN_JOINTS = 20
Key = Tuple[str, Union[int, str]]


class LabelLosses:
    """Mean losses of labeled joints in equal parts of a training.

    Memory grows with the labels, and not with the training: 6 bytes for each
    part and joint of an annotation.

    Args:
        bins (int): Number of the parts.
    """

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self._sums: Dict[Key, np.ndarray] = {}
        self._counts: Dict[Key, np.ndarray] = {}

    def add(self, keys: Sequence[Key], losses: np.ndarray,
            bins: Sequence[int]) -> None:
        """Add losses.

        Args:
            keys (Sequence[tuple]): File and id of each annotation, B of them.
            losses (np.ndarray): (B, K); infinite where there is no label.
            bins (Sequence[int]): The part of the training of each, from 0.
        """
        for key, values, part in zip(keys, losses, bins):
            if key not in self._sums:
                shape = self.bins, len(values)
                self._sums[key] = np.zeros(shape, np.float32)
                self._counts[key] = np.zeros(shape, np.uint16)
            seen = np.isfinite(values) & (self._counts[key][part] < 65535)
            self._sums[key][part, seen] += values[seen]
            self._counts[key][part, seen] += 1

    def means(self) -> Tuple[List[Key], np.ndarray, np.ndarray]:
        """What is known.

        Returns:
            tuple: Keys, N of them in their order; mean losses (N, T, K), nan
            where there is none, and numbers of losses (N, K).
        """
        keys = sorted(self._sums, key=lambda key: (key[0], str(key[1])))
        if not keys:
            return keys, np.empty((0, self.bins, 0)), np.empty((0, 0), int)
        sums, counts = (
            np.stack([values[key] for key in keys])
            for values in (self._sums, self._counts))
        with np.errstate(invalid='ignore'):
            return keys, sums / counts, counts.sum(1, dtype=int)

    def state(self) -> dict:
        """What a checkpoint keeps, for :meth:`load_state`."""
        keys = list(self._sums)
        return dict(
            bins=self.bins,
            keys=[list(key) for key in keys],
            sums=np.stack([self._sums[key] for key in keys]) if keys else None,
            counts=np.stack([self._counts[key]
                             for key in keys]) if keys else None)

    def load_state(self, state: dict) -> None:
        """Go on from what :meth:`state` returned.

        Args:
            state (dict): The state, of as many parts.

        Raises:
            ValueError: If it is of another number of parts.
        """
        if state['bins'] != self.bins:
            raise ValueError('custom_hooks: bins of SuspiciousLabelsHook is '
                             f'{self.bins}, but the training was begun with '
                             f'{state["bins"]}: resume it with the same')
        keys = [(path, key) for path, key in state['keys']]
        self._sums = dict(zip(keys, state['sums'] if keys else ()))
        self._counts = dict(zip(keys, state['counts'] if keys else ()))


class Suspicion(NamedTuple):
    """What the losses of M joints say, in the order of suspicion.

    Args:
        order (np.ndarray): Indices of (annotation, joint), (M, 2), int.
        amplitude (np.ndarray): (max - min) / (max + min) of the losses, 0 to
            1, (M,).
        trend (np.ndarray): Time of the smallest less that of the largest
            loss, in parts of the training, -1 to 1, (M,).
        suspicion (np.ndarray): 0 at the center of the cluster of right
            labels, 1 at that of the wrong ones, along the line between
            them, (M,).
        suspicious (np.ndarray): Whether it is in the cluster of wrong ones,
            (M,), bool.
        centers (np.ndarray): Mean amplitude and trend of the right and the
            wrong ones, (2, 2).
    """
    order: np.ndarray
    amplitude: np.ndarray
    trend: np.ndarray
    suspicion: np.ndarray
    suspicious: np.ndarray
    centers: np.ndarray


def amplitude_and_trend(losses: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Describe losses over time, as REMIND does.

    Args:
        losses (np.ndarray): Not negative, (N, T, K); nan where there is none,
            of which a joint must have :data:`MIN_BINS` others.

    Returns:
        tuple: Amplitude and trend, see :class:`Suspicion`, (N, K); nan
        where there are too few losses.
    """
    known = np.isfinite(losses)
    low = np.where(known, losses, np.inf)
    high = np.where(known, losses, -np.inf)
    few = known.sum(1) < MIN_BINS
    smallest, largest = low.min(1), high.max(1)
    with np.errstate(invalid='ignore', divide='ignore'):
        amplitude = (largest - smallest) / (largest + smallest)
    trend = (low.argmin(1) - high.argmax(1)) / max(losses.shape[1] - 1, 1)
    # a loss that is 0 throughout
    amplitude = np.where(largest == 0, 0., amplitude)
    return np.where(few, np.nan, amplitude), np.where(few, np.nan, trend)


def find_suspicious(losses: np.ndarray) -> Suspicion:
    """Find two clusters of amplitudes and trends.

    Points are the amplitude and the trend times the amplitude: where a loss
    hardly changes, the time of its extremes is chance. That cluster with the
    smaller sum of both at its center is the suspicious one. There are always
    two: of labels without a fault, it has the hard joints.

    Args:
        losses (np.ndarray): See :func:`amplitude_and_trend`.

    Returns:
        Suspicion: The joints, the most suspicious one first; none if there
        are less than :data:`MIN_JOINTS`.
    """
    amplitude, trend = amplitude_and_trend(losses)
    where = np.argwhere(np.isfinite(amplitude))
    measures = np.stack([amplitude, trend], -1)[tuple(where.T)]
    points = measures * np.stack([np.ones(len(where)), measures[:, 0]], -1)
    if len(points) < MIN_JOINTS:
        none = np.empty(0)
        return Suspicion(
            np.empty((0, 2), int), none, none, none, none.astype(bool),
            np.full((2, 2), np.nan))
    # from opposite corners, so that nothing is drawn
    total = points.sum(1)
    start = points[[total.argmax(), total.argmin()]]
    centers, owners = kmeans2(
        points, start, iter=100, minit='matrix', missing='warn')
    right, wrong = np.argsort(-centers.sum(1), kind='stable')
    line = centers[wrong] - centers[right]
    length = (line**2).sum() or 1.
    suspicion = (points - centers[right]) @ line / length
    order = np.argsort(-suspicion, kind='stable')
    means = np.stack([
        measures[owners == one].mean(0) if
        (owners == one).any() else np.full(2, np.nan) for one in (right, wrong)
    ])
    return Suspicion(where[order], *measures[order].T, suspicion[order],
                     owners[order] == wrong, means)
