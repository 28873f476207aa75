# Copyright (c) semipose_mm authors.
"""Scores of several networks: taken apart, as a table."""
import math
import re
from typing import Dict, List, Optional, Sequence, Tuple

from terminaltables import GithubFlavoredMarkdownTable


def split_networks(
    metrics: Dict[str, float],
    selected: Optional[str] = None,
    teachers: Sequence[str] = ()
) -> Dict[str, Dict[str, float]]:
    """Sort what :class:`NetworkEvaluator` returned by network.

    Args:
        metrics (Dict[str, float]): Scores; those of the selected network have
            plain names, the others' begin with ``net1/``, the name of a
            teacher, or ``ensemble/``.
        selected (str, optional): The network with the plain names. Defaults
            to None, the trained one or ensemble that has no scores of its
            own name.
        teachers (Sequence[str]): Names in ``model.teachers``, which nothing
            else tells from the first part of a metric's name. Defaults to
            ``()``

    Returns:
        Dict[str, Dict[str, float]]: Plain names and scores of ``net0``,
        ``net1``, ..., of teachers and of ``ensemble``, in this order. One
        network is ``net0``.
    """
    plain, scores = {}, {}
    for key, value in metrics.items():
        name, _, rest = key.partition('/')
        if rest and (name in teachers or is_trained(name)):
            scores.setdefault(name, {})[rest] = value
        else:
            plain[key] = value
    if plain:
        if selected is None:
            trained = [name for name in scores if is_trained(name)]
            names = [f'net{i}' for i in range(len(trained) + 1)]
            if trained and 'ensemble' not in trained:
                names = ['ensemble']
            selected = next(name for name in names if name not in scores)
        scores.setdefault(selected, {}).update(plain)
    return {name: scores[name] for name in sorted(scores, key=network_order)}


def is_trained(name: str) -> bool:
    """Whether a name is that of a trained network, or of their ensemble."""
    return re.fullmatch(r'net\d+|ensemble', name) is not None


def network_order(name: str) -> Tuple[int, int, str]:
    """A key to sort by: numbers, names of teachers, the ensemble."""
    if name == 'ensemble':
        return 2, 0, ''
    return (0, int(name[3:]), '') if is_trained(name) else (1, 0, name)


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
