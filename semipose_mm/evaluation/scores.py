# Copyright (c) semipose_mm authors.
"""Scores of several networks: taken apart, as a table."""
import math
import re
from typing import Dict, List, Optional

from terminaltables import GithubFlavoredMarkdownTable

_NAME = re.compile(r'(net\d+|ensemble)/(.+)')


def split_networks(
        metrics: Dict[str, float],
        selected: Optional[str] = None) -> Dict[str, Dict[str, float]]:
    """Sort what :class:`NetworkEvaluator` returned by network.

    Args:
        metrics (Dict[str, float]): Scores; those of the selected network have
            plain names, the others' begin with ``net1/`` or ``ensemble/``.
        selected (str, optional): The network with the plain names. Defaults
            to None, the one that has no scores of its own name.

    Returns:
        Dict[str, Dict[str, float]]: Plain names and scores of ``net0``,
        ``net1``, ... and ``ensemble``, in this order. One network is
        ``net0``.
    """
    plain, scores = {}, {}
    for key, value in metrics.items():
        match = _NAME.fullmatch(key)
        if match:
            scores.setdefault(match[1], {})[match[2]] = value
        else:
            plain[key] = value
    if plain:
        if selected is None:
            names = [f'net{i}' for i in range(len(scores) + 1)]
            if scores and 'ensemble' not in scores:
                names = ['ensemble']
            selected = next(name for name in names if name not in scores)
        scores.setdefault(selected, {}).update(plain)
    return {name: scores[name] for name in sorted(scores, key=_position)}


def _position(name: str) -> float:
    """Networks by number, the ensemble behind them."""
    return math.inf if name == 'ensemble' else int(name[len('net'):])


def format_score(value: Optional[float]) -> str:
    """A score for people to read.

    Args:
        value (float, optional): Share in [0, 1], or a number in the unit of
            its metric: percent for PCKh, pixels for EPE.

    Returns:
        str: Four decimals, or two above 2; ``-`` where the score is not
        defined: missing, nan, or -1, which COCO's evaluation gives for a
        range of areas in which there is nothing.
    """
    if value is None or math.isnan(value) or value == -1:
        return '-'
    return f'{value:.2f}' if abs(value) > 2 else f'{value:.4f}'


def markdown_table(rows: List[List[str]], num_text: int = 1) -> str:
    """A table that can be read both as it is and as Markdown.

    Args:
        rows (List[List[str]]): The first one holds the titles.
        num_text (int): Columns that are not numbers. Defaults to 1

    Returns:
        str: The table, without a line break at its end.
    """
    table = GithubFlavoredMarkdownTable(rows)
    table.justify_columns = {i: 'right' for i in range(num_text, len(rows[0]))}
    return table.table


def score_table(scores: Dict[str, Dict[str, float]]) -> str:
    """Networks in rows and metrics in columns.

    Args:
        scores (Dict[str, Dict[str, float]]): As :func:`split_networks` gives
            them.

    Returns:
        str: One table for each prefix of metrics such as ``coco/``, so that
        none gets too wide.
    """
    keys = dict.fromkeys(key for row in scores.values() for key in row)
    prefixes = dict.fromkeys(key.rpartition('/')[0] for key in keys)
    tables = []
    for prefix in prefixes:
        own = [key for key in keys if key.rpartition('/')[0] == prefix]
        rows = [[prefix or 'network'] +
                [key.rpartition('/')[2] for key in own]]
        rows += [[name] + [format_score(row.get(key)) for key in own]
                 for name, row in scores.items()]
        tables.append(markdown_table(rows))
    return '\n\n'.join(tables)
