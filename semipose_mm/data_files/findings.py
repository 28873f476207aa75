# Copyright (c) semipose_mm authors.
"""What is wrong or doubtful in data: raised at once, or listed."""
from typing import Any, Dict, List, NamedTuple

ERROR, WARNING, NOTE = SEVERITIES = ('error', 'warning', 'note')
EXAMPLES = 3


class DataError(ValueError):
    """Data that cannot be used; the message is one line that names them."""


class Finding(NamedTuple):
    """Something about an entry of a file, or about the file.

    Args:
        severity (str): One of :data:`SEVERITIES`.
        kind (str): A short name; findings of one kind are listed in a line.
        where (str): The file and the entry, or the config key.
        found (str): What was found there, to be read after ``where``.
        allowed (str): What must be there; empty if ``found`` says it all.
        advice (str): What to do about it.
    """

    severity: str
    kind: str
    where: str
    found: str
    allowed: str = ''
    advice: str = ''

    def __str__(self) -> str:
        """One line."""
        text = f'{self.where} {self.found}'
        if self.allowed:
            text += f'; it must be {self.allowed}'
        return f'{text}. {self.advice}' if self.advice else text


class Findings:
    """Collects findings, and raises the first error unless it is to list all.

    Args:
        strict (bool): Whether an error is raised when it is added. Defaults
            to True.
    """

    def __init__(self, strict: bool = True) -> None:
        self.strict = strict
        self._first: Dict[tuple, List[Finding]] = {}
        self._counts: Dict[tuple, int] = {}

    def add(self,
            severity: str,
            kind: str,
            where: str,
            found: str,
            allowed: str = '',
            advice: str = '') -> None:
        """Add a finding, see :class:`Finding`.

        Raises:
            DataError: If it is an error and errors are raised.
        """
        finding = Finding(severity, kind, where, found, allowed, advice)
        if severity == ERROR and self.strict:
            raise DataError(str(finding))
        key = severity, kind
        self._counts[key] = self._counts.get(key, 0) + 1
        first = self._first.setdefault(key, [])
        if len(first) < EXAMPLES:
            first.append(finding)

    def error(self, kind: str, where: str, found: str, **more: Any) -> None:
        """Add an error."""
        self.add(ERROR, kind, where, found, **more)

    def warn(self, kind: str, where: str, found: str, **more: Any) -> None:
        """Add a warning."""
        self.add(WARNING, kind, where, found, **more)

    def note(self, kind: str, where: str, found: str, **more: Any) -> None:
        """Add a note."""
        self.add(NOTE, kind, where, found, **more)

    def count(self, severity: str) -> int:
        """Number of findings of a severity."""
        return sum(
            n for (level, _), n in self._counts.items() if level == severity)

    def kinds(self, severity: str) -> List[str]:
        """Kinds of the findings of a severity, in the order they came."""
        return [kind for level, kind in self._counts if level == severity]

    def lines(self, severity: str) -> List[str]:
        """A line a kind: its first finding, and where the others are.

        Args:
            severity (str): One of :data:`SEVERITIES`.
        """
        found = []
        for key, (first, *others) in self._first.items():
            if key[0] != severity:
                continue
            line, more = str(first), self._counts[key] - 1
            if more:
                places = ', '.join(one.where for one in others)
                dots = ', ...' if more > len(others) else ''
                line += f' ({more:,} more like this: {places}{dots})'
            found.append(line)
        return found
