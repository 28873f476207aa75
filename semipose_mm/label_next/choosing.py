# Copyright (c) semipose_mm authors.
"""Frames that have much to teach, and differ from each other."""
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from semipose_mm.videos.choosing import clusters

CHOSEN = 'chosen'

#: Name of a video, and number of a frame in it; -1 where nothing tells.
Place = Tuple[str, int]


class Choice(NamedTuple):
    """What became of each candidate.

    Args:
        chosen (np.ndarray): Indices of the chosen ones, ascending, int.
        cluster (np.ndarray): Cluster of poses, (M,), int; -1 of those that
            were none of the best.
        reasons (list[str]): ``'chosen'``, or why not.
    """
    chosen: np.ndarray
    cluster: np.ndarray
    reasons: List[str]


class Near:
    """Knows which frames are near in time to others.

    Args:
        gap (int): Frames of a video whose numbers differ by less are near.
    """

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self._numbers: Dict[str, List[int]] = {}

    def add(self, place: Place) -> None:
        """Let others be near to a frame."""
        if place[1] >= 0:
            self._numbers.setdefault(place[0], []).append(place[1])

    def find(self, place: Place) -> int:
        """The number of the nearest frame that is near; -1 without any."""
        known = np.array(self._numbers.get(place[0], ()), int)
        if place[1] < 0 or not len(known):
            return -1
        away = np.abs(known - place[1])
        nearest = int(away.argmin())
        return int(known[nearest]) if away[nearest] < self.gap else -1


def choose(value: np.ndarray, poses: np.ndarray, places: Sequence[Place],
           barred: Sequence[str], labeled: Sequence[Place], num: int, gap: int,
           pool: int) -> Choice:
    """Choose the frames to be labeled.

    The candidates are taken in the order of their values, without those that
    are near to a labeled one or to one that was taken before, until ``pool``
    are there. k-means finds ``num`` clusters of their poses, and the one with
    the highest value of each cluster is chosen.

    Args:
        value (np.ndarray): How much there is to learn, (M,).
        poses (np.ndarray): Joints in parts of the box, (M, K, 2).
        places (Sequence): Video and number of each candidate.
        barred (Sequence[str]): Why a candidate cannot be chosen; empty for
            those that can.
        labeled (Sequence): Video and number of labeled frames.
        num (int): How many to choose, at least 1.
        gap (int): Frames of a video whose numbers differ by less are near.
        pool (int): How many go into k-means, at least ``num``.

    Returns:
        Choice: What was chosen; fewer than ``num`` where there are no more.
    """
    reasons = [one or f'not among the best {pool}' for one in barred]
    known, taken = Near(gap), Near(gap)
    for place in labeled:
        known.add(place)
    best: List[int] = []
    for i in np.argsort(-value, kind='stable').tolist():
        if len(best) == pool:
            break
        if barred[i]:
            continue
        for near, what in ((known, 'labeled'), (taken, 'better')):
            number = near.find(places[i])
            if number >= 0:
                reasons[i] = f'near to the {what} frame {number}'
                break
        else:
            best.append(i)
            taken.add(places[i])
    cluster = np.full(len(value), -1)
    if len(best) <= num:
        first = best
        cluster[best] = np.arange(len(best))
    else:
        owners, _ = clusters(
            np.float32(poses[best].reshape(len(best), -1)), num)
        cluster[best] = owners
        # the best of each, then those that fill up for empty clusters
        _, heads = np.unique(owners, return_index=True)
        rest = np.setdiff1d(np.arange(len(best)), heads)
        first = [best[i] for i in [*heads, *rest][:num]]
    for i in best:
        reasons[i] = f'a better one in cluster {cluster[i]}'
    for i in first:
        reasons[i] = CHOSEN
    return Choice(np.sort(np.array(first, int)), cluster, reasons)
