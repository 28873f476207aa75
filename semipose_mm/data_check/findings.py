# Copyright (c) semipose_mm authors.
"""What a check found: a level and a line."""
from collections import Counter
from typing import Any, Dict, List, NamedTuple

from semipose_mm.data_files.coco_files import shorten

OK, NOTE, WARNING, ERROR = LEVELS = ('ok', 'note', 'warning', 'ERROR')
EXAMPLES = 3


class Finding(NamedTuple):
    """A line of the report.

    Args:
        level (str): One of :data:`LEVELS`.
        text (str): What was found.
    """

    level: str
    text: str


class Tally:
    """Counts problems of many entries by kind, and keeps a few examples."""

    def __init__(self) -> None:
        self.counts: Counter = Counter()
        self.examples: Dict[str, List[str]] = {}

    def add(self, kind: str, example: Any) -> None:
        """Count a problem.

        Args:
            kind (str): Its kind.
            example (Any): Where it is, for example ``'images[3]'``.
        """
        self.counts[kind] += 1
        if self.counts[kind] <= EXAMPLES:
            self.examples.setdefault(kind, []).append(str(example))

    def finding(self, kind: str, level: str, text: str) -> List[Finding]:
        """Make the finding of a kind.

        Args:
            kind (str): The kind.
            level (str): Its level.
            text (str): What is wrong with the entries.

        Returns:
            list[Finding]: One, or none if there was no such problem.
        """
        count = self.counts[kind]
        if not count:
            return []
        return [Finding(level, f'{text}: {some(count, self.examples[kind])}')]


def some(count: int, examples: List[Any]) -> str:
    """Count and examples of something.

    Args:
        count (int): How many there are.
        examples (list): The first of them, or all.

    Returns:
        str: Such as ``'5 (images[1], images[4], images[9], ...)'``.
    """
    shown = [str(example) for example in examples[:EXAMPLES]]
    if count > len(shown):
        shown.append('...')
    return f'{count:,} ({", ".join(shown)})'


def reason(error: BaseException) -> str:
    """The first line of an exception, with its kind where that says more.

    Args:
        error (BaseException): The exception.

    Returns:
        str: The line.
    """
    lines = str(error).strip().split('\n')
    text = lines[0] if lines[0] else type(error).__name__
    if isinstance(error, KeyError):
        text = f'missing {text}' if len(text) < 40 else text
    return text if len(text) < 300 else shorten(text, 300).strip('\'"')
