# Copyright (c) semipose_mm authors.
"""How much the labels of a frame would teach, as networks tell."""
from typing import NamedTuple, Optional, Tuple

import numpy as np
from scipy.stats import rankdata

from semipose_mm.analysis.video_metrics.measures import disagreement
from .candidates import Candidates

#: The ensemble is the mean of others and disagrees with none of them.
MEAN = 'ensemble'


class Scored(NamedTuple):
    """Scores of all candidates; nan for those without a pose.

    Args:
        disagreement (np.ndarray, optional): Mean distance of the networks in
            parts of the longer side of the box, (M,); None of one network.
        score (np.ndarray): Mean score of the joints and networks, (M,).
        disagreement_rank (np.ndarray, optional): Share of the other
            candidates that have less, 0 to 1, (M,).
        score_rank (np.ndarray): Share of those that have more, (M,).
        value (np.ndarray): Weighted mean of both ranks, (M,).
    """
    disagreement: Optional[np.ndarray]
    score: np.ndarray
    disagreement_rank: Optional[np.ndarray]
    score_rank: np.ndarray
    value: np.ndarray


def ranks(values: np.ndarray) -> np.ndarray:
    """The share of the others that are less.

    Args:
        values (np.ndarray): (M,), nan where there is none.

    Returns:
        np.ndarray: 0 to 1, (M,); equal ones count half, and nan stays.
    """
    found = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    others = max(known.sum() - 1, 1)
    found[known] = (rankdata(values[known]) - 1) / others
    return found


def score(candidates: Candidates, weights: Tuple[float, float]) -> Scored:
    """Score all candidates.

    Ranks take the place of the values, as distances and scores have no
    common unit, and scores of one network lie closer than those of another.

    Args:
        candidates (Candidates): The frames.
        weights (tuple[float, float]): Of the disagreement and of low scores,
            at least 0 and not both 0. One network has low scores alone.

    Returns:
        Scored: The higher the value, the more there is to learn.
    """
    alone = [i for i, name in enumerate(candidates.networks) if name != MEAN]
    alone = alone or [0]
    sure = candidates.scores[alone].mean((0, 2))
    score_rank = ranks(-sure)
    if len(alone) < 2:
        return Scored(None, sure, None, score_rank, score_rank)
    apart = disagreement(candidates.points[alone]).mean(1)
    apart = apart / candidates.boxes[:, 2:].max(1)
    apart_rank = ranks(apart)
    value = (weights[0] * apart_rank + weights[1] * score_rank) / sum(weights)
    return Scored(apart, sure, apart_rank, score_rank, value)
