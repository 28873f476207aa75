# Copyright (c) semipose_mm authors.
"""DeepLabCut: a project with the layout of its ``labeled-data``."""
import csv
import io
import os.path as osp
import tempfile
from importlib.util import find_spec
from typing import Dict, List, Sequence

from semipose_mm.data_files import Findings
from semipose_mm.prediction.writers import save_table
from ..candidates import Subject
from ..shots import Shot


def contents(shots: Sequence[Shot], subject: Subject, scorer: str,
             findings: Findings) -> Dict[str, bytes]:
    """Write tables of labels, one a video, and a ``config.yaml``.

    Args:
        shots (Sequence[Shot]): The frames.
        subject (Subject): What is labeled.
        scorer (str): Who labels, as the project calls it.
        findings (Findings): Learns if packages for the h5 are missing.

    Returns:
        dict[str, bytes]: ``labeled-data/VIDEO/CollectedData_SCORER.csv`` and
        ``.h5`` and ``config.yaml``; joints that are not pre-annotated are
        empty.
    """
    import yaml
    config = dict(
        Task='label-next',
        scorer=scorer,
        multianimalproject=False,
        bodyparts=list(subject.names),
        skeleton=[list(one) for one in subject.skeleton])
    found = {
        'config.yaml':
        yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()
    }
    folders: Dict[str, List[Shot]] = {}
    for shot in shots:
        folders.setdefault(osp.dirname(shot.file), []).append(shot)
    packages = all(map(find_spec, ('pandas', 'tables')))
    if not packages:
        findings.warn(
            'h5',
            '--format deeplabcut',
            'writes no .h5, as pandas or tables is not installed',
            advice='pip install "semipose_mm[tables]", or call '
            'deeplabcut.convertcsv2h5, which makes it of the csv')
    for folder, own in folders.items():
        stem = f'{folder}/CollectedData_{scorer}'
        found[f'{stem}.csv'] = _csv(own, subject.names, scorer)
        if packages:
            found[f'{stem}.h5'] = _h5(own, subject.names, scorer)
    return found


def _rows(shots: Sequence[Shot]) -> List[list]:
    """X and y of each joint of each frame, None where none is given."""
    return [[
        value for point, there in zip(shot.points.tolist(), shot.given)
        for value in (point if there else (None, None))
    ] for shot in shots]


def _csv(shots: Sequence[Shot], names: Sequence[str], scorer: str) -> bytes:
    """The table as DeepLabCut since 2.2 writes it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['scorer', '', '', *[scorer] * (2 * len(names))])
    writer.writerow(
        ['bodyparts', '', '', *(name for name in names for _ in 'xy')])
    writer.writerow(['coords', '', '', *'xy' * len(names)])
    for shot, row in zip(shots, _rows(shots)):
        writer.writerow([*shot.file.split('/'), *row])
    return text.getvalue().encode()


def _h5(shots: Sequence[Shot], names: Sequence[str], scorer: str) -> bytes:
    """The same table by pandas."""
    import pandas
    columns = pandas.MultiIndex.from_product(
        [[scorer], names, ['x', 'y']], names=['scorer', 'bodyparts', 'coords'])
    index = pandas.MultiIndex.from_tuples(
        [tuple(shot.file.split('/')) for shot in shots])
    table = pandas.DataFrame(
        _rows(shots), index=index, columns=columns, dtype=float)
    with tempfile.NamedTemporaryFile(suffix='.h5') as file:
        save_table(table, file.name, 'fixed')
        file.seek(0)
        return file.read()
