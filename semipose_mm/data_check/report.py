# Copyright (c) semipose_mm authors.
"""What was found about each part of the data, as lines and a table."""
from typing import Dict, List, Optional, Tuple

from semipose_mm.data_files import ERROR, NOTE, WARNING, Findings

Size = Optional[Tuple[float, float]]
_MARKS = {NOTE: 'note', WARNING: 'warning', ERROR: 'ERROR'}
_COLUMNS = ('part', 'images', 'instances', 'used', 'labeled joints', 'errors',
            'warnings')


class Section(Findings):
    """Findings about a part of the data, all of them listed.

    Args:
        name (str): What the report calls the part.
        title (str): Its config key and class. Defaults to ''.

    Attributes:
        facts (list[str]): What is fine.
        images (int): Number of images that its files list.
        instances (int): Number of annotations or detections.
        used (int): Number of those that are used.
        joints (int): Number of labeled joints of those.
        paths (dict): Width and height in pixels, if the file tells, of each
            image that is used, by its path.
    """

    def __init__(self, name: str, title: str = '') -> None:
        super().__init__(strict=False)
        self.name = name
        self.title = title
        self.facts: List[str] = []
        self.images = self.instances = self.used = self.joints = 0
        self.paths: Dict[str, Size] = {}

    def ok(self, text: str) -> None:
        """Add what is fine."""
        self.facts.append(text)

    @property
    def findings(self) -> List[Tuple[str, str]]:
        """List[tuple[str, str]]: Mark and text of each line."""
        return [('ok', text) for text in self.facts
                ] + [(mark, line) for severity, mark in _MARKS.items()
                     for line in self.lines(severity)]


class Report:
    """What was found about the data of a config.

    Args:
        sections (list[Section]): The parts that read files first.
    """

    def __init__(self, sections: List[Section]) -> None:
        self.sections = sections

    def __getitem__(self, name: str) -> Section:
        """The section of a name, such as ``'labeled'``."""
        return {one.name: one for one in self.sections}[name]

    @property
    def errors(self) -> List[str]:
        """List[str]: Lines of the errors, each after the name of its part."""
        return [
            f'{one.name}: {line}' for one in self.sections
            for line in one.lines(ERROR)
        ]

    def lines(self) -> List[str]:
        """A line a finding, marked ok, note, warning or ERROR, and a table."""
        found, rows = [], [_COLUMNS]
        totals = dict.fromkeys(_MARKS, 0)
        for one in self.sections:
            found += ['', f'{one.name}: {one.title}'.rstrip(': ')]
            found += [f'  {mark:<9}{text}' for mark, text in one.findings]
            counts = {level: len(one.lines(level)) for level in _MARKS}
            for level, count in counts.items():
                totals[level] += count
            numbers = (one.images, one.instances, one.used, one.joints)
            rows.append(
                (one.name, *(f'{n:,}' if one.images else '' for n in numbers),
                 str(counts[ERROR]), str(counts[WARNING])))
        widths = [max(map(len, column)) for column in zip(*rows)]
        found.append('')
        for name, *cells in rows:
            cells = [one.rjust(n) for one, n in zip(cells, widths[1:])]
            found.append('  '.join([name.ljust(widths[0]), *cells]).rstrip())
        return found + [
            '', f'{totals[ERROR]} errors, {totals[WARNING]} warnings, '
            f'{totals[NOTE]} notes'
        ]
