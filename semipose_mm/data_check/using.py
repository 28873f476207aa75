# Copyright (c) semipose_mm authors.
"""Files that are read once, and how many of their entries are used."""
import os.path as osp
from typing import Any, Callable, Dict, List, Sequence

import numpy as np

from semipose_mm.data_files import Findings
from semipose_mm.data_files.text import read_json
from semipose_mm.datasets.reading.reports import describe_left_out
from .parts import Part, reason
from .report import Section, Size


class Files:
    """Json files, each read once."""

    def __init__(self) -> None:
        self._contents: Dict[str, Any] = {}

    def content(self, path: str, key: str, findings: Findings) -> Any:
        """Read a file.

        Args:
            path (str): The file.
            key (str): The config key that names it.
            findings (Findings): Learns what is wrong.

        Returns:
            Any: Its content, whose entries may be changed; None if it cannot
            be read.
        """
        real = osp.realpath(path)
        if real not in self._contents:
            content = read_json(path, key, findings)
            if content is None:
                return None
            self._contents[real] = content
        content = self._contents[real]
        if not isinstance(content, dict):
            return content
        return {
            name:
            [dict(one) if isinstance(one, dict) else one
             for one in value] if isinstance(value, list) else value
            for name, value in content.items()
        }


def choose(usable: Sequence, part: Part) -> List[Any]:
    """Choose as the ``indices`` of a dataset do."""
    indices = part.cfg.get('indices')
    if indices is None:
        return list(usable)
    if isinstance(indices, int):
        used = list(usable[:indices] if indices > 0 else usable[indices:])
        wanted = abs(indices)
    else:
        used = [usable[i] for i in indices if -len(usable) <= i < len(usable)]
        wanted = len(indices)
    if wanted > len(used):
        part.section.warn(
            'indices', f'{part.key}.indices', f'asks for '
            f'{wanted:,} instances, but there are '
            f'{len(usable):,}')
    return used


def ask(check: Callable, part: Part) -> None:
    """Let a dataset refuse its options."""
    try:
        check()
    except ValueError as error:
        part.section.error('options', f'{part.key}:', reason(error))


def record(part: Part, what: str, total: int, used: int,
           left_out: Dict[str, int], paths: Dict[str,
                                                 Size], advice: str) -> bool:
    """Say how many are used, so that numbers add up; whether there are."""
    section = part.section
    section.instances, section.used, section.paths = total, used, paths
    rest = total - used - sum(left_out.values())
    told = describe_left_out(
        dict(left_out, **{'by indices or sample_interval': rest}))
    if used:
        section.ok(f'{used:,} of {total:,} {what} on {len(paths):,} images '
                   f'are used{told}')
    else:
        section.error(
            'nothing used',
            part.key, f'uses none of {total:,} '
            f"{what} of '{part.bbox_file or part.ann_file}'{told}",
            advice=advice)
    return used > 0


def say_scores(section: Section, scores: np.ndarray) -> None:
    """Say how scores spread; those of annotations are 1."""
    if (scores == 1).all():
        return
    low, *quarters, top = np.percentile(scores, (0, 25, 50, 75, 100))
    section.ok(f'scores of {len(scores):,} boxes: least {low:.3f}, quartiles '
               f'{" ".join(f"{q:.3f}" for q in quarters)}, greatest {top:.3f}')
    if low < 0 or top > 1:
        section.warn('scores', 'bbox_file', 'has scores outside of 0 to 1')
