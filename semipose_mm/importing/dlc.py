# Copyright (c) semipose_mm authors.
"""DeepLabCut and Lightning Pose: tables of labels, and projects of them.

Read without sleap-io, which takes no ``.h5`` and needs pandas.
"""
import csv
import os.path as osp
from glob import escape, glob
from typing import Any, Dict, List, Sequence, Tuple

from semipose_mm.data_files import DataError, Findings
from .finding import ImageFinder
from .source import Pairs, Source, number_of

#: Rows above the labels, by the word in their first column.
HEADER = ('scorer', 'individuals', 'bodyparts', 'coords')
#: The individual that has the points of the arena.
NO_INDIVIDUAL = 'single'


def read_dlc(path: str, images: Sequence[str], findings: Findings) -> Source:
    """Read a project, or a table of labels.

    Args:
        path (str): A project's folder or its ``config.yaml``; or a table,
            ``.csv`` or ``.h5``.
        images (Sequence[str]): Folders of ``--images``.
        findings (Findings): Learns what is doubtful.

    Returns:
        Source: The labels.

    Raises:
        DataError: If it is none of these.
    """
    if osp.isdir(path) or path.endswith(('.yaml', '.yml')):
        config = osp.join(path, 'config.yaml') if osp.isdir(path) else path
        tables = _tables(config)
    else:
        # beside the table, or beside labeled-data
        config, tables = osp.abspath(path), [path]
        for _ in range(3):
            config = osp.dirname(config)
            if osp.isfile(osp.join(config, 'config.yaml')):
                break
        config = osp.join(config, 'config.yaml')
    names, skeleton = _described(config)
    source = Source(path, 'DeepLabCut or Lightning Pose', names, skeleton)
    finder = ImageFinder(config if names else path, images)
    for table in tables:
        _Table(table, source, findings).read(finder)
        source.files.append(table)
    source.skeleton = [
        one for one in source.skeleton if set(one) <= set(source.names)
    ]
    return source


def _tables(config: str) -> List[str]:
    """The tables of a project, one a video."""
    root = osp.dirname(osp.abspath(config))
    pattern = osp.join(escape(root), 'labeled-data', '*', 'CollectedData_*.')
    found: Dict[str, str] = {}
    for ending in ('h5', 'csv'):  # a csv stands for the h5 beside it
        for one in sorted(glob(pattern + ending)):
            found[osp.splitext(one)[0]] = one
    folders: Dict[str, List[str]] = {}
    for one in found.values():
        folders.setdefault(osp.dirname(one), []).append(osp.basename(one))
    for folder, tables in folders.items():
        if len(tables) > 1:
            raise DataError(f'{folder} has labels of several people, '
                            f'{", ".join(tables)}: name the tables that count '
                            'in place of the project')
    if not found:
        raise DataError(f"SOURCE '{config}' is a project without "
                        'labeled-data/VIDEO/CollectedData_*.csv or .h5')
    return list(found.values())


def _described(config: str) -> Tuple[List[str], Pairs]:
    """Names and skeleton of a project; empty where there is none."""
    if not osp.isfile(config):
        return [], []
    import yaml
    try:
        with open(config, encoding='utf-8') as file:
            content: Any = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = ' '.join(str(error).split())
        raise DataError(f'{config} cannot be read: {reason}') from error
    if not isinstance(content, dict) or 'bodyparts' not in content:
        return [], []
    names = content['bodyparts']
    if not isinstance(names, list):  # of several animals it says MULTI!
        names = content.get('multianimalbodyparts') or []
    links = content.get('skeleton') or []
    return list(map(str, names)), [(str(one[0]), str(one[1])) for one in links
                                   if isinstance(one, list) and len(one) == 2]


class _Table:
    """A table of labels.

    Args:
        path (str): ``.csv`` or ``.h5``.
        source (Source): Takes what is read.
        findings (Findings): Learns what is doubtful.
    """

    def __init__(self, path: str, source: Source, findings: Findings) -> None:
        self.path, self.source, self.findings = path, source, findings
        self.where = f"SOURCE '{path}'"
        self.rows = self._rows()
        self.head: Dict[str, List[str]] = {}
        while self.rows and self.rows[0] and \
                self.rows[0][0].strip() in HEADER:
            row = self.rows.pop(0)
            self.head[row[0].strip()] = [one.strip() for one in row]
        if not {'bodyparts', 'coords'} <= set(self.head):
            raise DataError(
                f'{self.where} is no table of labels: its first rows must be '
                'scorer, individuals (of several animals), bodyparts and '
                'coords')

    def _rows(self) -> List[List[str]]:
        path = self.path
        if path.endswith('.h5'):
            beside = osp.splitext(path)[0] + '.csv'
            if not osp.isfile(beside):
                return _h5_rows(path, self.where)
            self.findings.note(
                'csv', self.where,
                f'is read from {osp.basename(beside)}, which DeepLabCut '
                'writes beside it')
            path = beside
        try:
            with open(path, encoding='utf-8-sig', newline='') as file:
                return [row for row in csv.reader(file) if any(row)]
        except (OSError, ValueError, csv.Error) as error:
            raise DataError(f'{self.where} cannot be read: {error}') from error

    def read(self, finder: ImageFinder) -> None:
        """Add the images of the table to the source."""
        coords, parts = self.head['coords'], self.head['bodyparts']
        width = next((i for i, one in enumerate(coords) if one == 'x'), 1)
        kinds = set(coords[width:])
        if kinds != {'x', 'y'}:
            what = 'likelihoods: it holds predictions, no labels' \
                if 'likelihood' in kinds else f'the columns {sorted(kinds)}'
            raise DataError(f'{self.where} has {what}; a table of labels has '
                            'x and y of each body part')
        animals = self.head.get('individuals', [''] * len(coords))
        unique = {
            part
            for one, part in zip(animals, parts)
            if one == NO_INDIVIDUAL and len(set(animals[width:])) > 1
        }
        own = list(dict.fromkeys(p for p in parts[width:] if p not in unique))
        if not self.source.names:
            self.source.names.extend(own)
        unknown = [one for one in own if one not in self.source.names]
        if unknown:
            raise DataError(f'{self.where} has the body parts '
                            f'{", ".join(unknown)}; allowed are '
                            f'{", ".join(self.source.names)}')
        if unique:
            self.findings.warn(
                'unique body parts', self.where,
                f'has {", ".join(sorted(unique))}, which belong to no '
                'individual: they are left out')
        for index, row in enumerate(self.rows, len(self.head) + 1):
            place = f'{self.where}, row {index}'
            if len(row) != len(coords):
                raise DataError(f'{place} has {len(row)} columns; it must '
                                f'have {len(coords)}, as the head has')
            people: Dict[str, Dict[str, list]] = {}
            for i in range(width, len(row)):
                if parts[i] in unique:
                    continue
                value = number_of(row[i], f'{place}, {parts[i]} {coords[i]}')
                people.setdefault(animals[i], {}).setdefault(
                    parts[i], [None, None])['xy'.index(coords[i])] = value
            found = [
                self.source.flat({
                    part: (*xy, 2)
                    for part, xy in one.items() if None not in xy
                }) for one in people.values()
            ]
            if not any(max(one[2::3]) for one in found):
                self.source.left_out['frames without a label'] += 1
                continue
            name = '/'.join(one.strip() for one in row[:width] if one.strip())
            self.source.add(found, finder.find(name, place))


def _h5_rows(path: str, where: str) -> List[List[str]]:
    """Rows of a table that pandas wrote, as those of a csv file."""
    try:
        import pandas
        import tables  # noqa: F401
    except ImportError as error:
        raise DataError(
            f'{where} needs pandas and tables, as no .csv of its name lies '
            "beside it: pip install 'semipose_mm[labels]'") from error
    try:
        table = pandas.read_hdf(path)
        names = [str(one) for one in table.columns.names]
        index = [
            list(map(str, one if isinstance(one, tuple) else (one, )))
            for one in table.index
        ]
    except Exception as error:  # pandas has no kind of its own
        reason = ' '.join(str(error).split())
        raise DataError(f'{where} cannot be read: {reason}') from error
    width = max(map(len, index), default=1)
    rows = [[name] + [''] * (width - 1) +
            [str(one) for one in table.columns.get_level_values(name)]
            for name in names]
    for name, values in zip(index, table.to_numpy()):
        rows.append(name + [''] * (width - len(name)) + list(map(str, values)))
    return rows
