# Copyright (c) semipose_mm authors.
"""Section of the measures that ``semipose video-metrics`` has written."""
import csv
import os.path as osp
import re
from glob import escape, glob
from typing import Dict, List, Sequence

from semipose_mm.data_files import DataError
from semipose_mm.evaluation.distances import STATISTICS
from ..video_metrics.report import UNITS
from . import diagrams
from .page import Page, heading, legend, panel, table, text

_COLUMNS = ['network', 'joint', 'measure', 'unit', *STATISTICS, 'values']


def find_measures(work_dir: str, given: Sequence[str]) -> List[str]:
    """Folders that ``semipose video-metrics`` has written.

    Args:
        work_dir (str): Searched with all below, if none is given.
        given (Sequence[str]): Folders.

    Raises:
        DataError: If one that is given is no such folder.
    """
    for folder in given:
        if not _is_summary(osp.join(folder, 'summary.csv')):
            raise DataError(f"--video '{folder}' has no summary.csv that "
                            'semipose video-metrics has written')
    return list(given) or sorted(
        osp.dirname(path) for path in glob(
            osp.join(escape(work_dir), '**', 'summary.csv'), recursive=True)
        if _is_summary(path))


def _is_summary(path: str) -> bool:
    if not osp.isfile(path):
        return False
    with open(path, encoding='utf-8', errors='replace', newline='') as file:
        return next(csv.reader(file), [])[:len(_COLUMNS)] == _COLUMNS


def add_video(page: Page, folders: Sequence[str]) -> None:
    """Measures without labels, of all joints and of each."""
    body, parts = [
        text('What predictions of videos tell without labels. Compare the '
             'networks; values of different videos cannot be compared. '
             'docs/video.md says what each measure is; low is the share of '
             'low likelihoods.')
    ], []
    for number, folder in enumerate(folders):
        with open(osp.join(folder, 'summary.csv'), 'rb') as file:
            content = file.read()
        rows = list(csv.DictReader(content.decode().splitlines()))
        name = osp.basename(osp.normpath(folder))
        plain = re.sub(r'[^\w.-]+', '_', name)
        parts.append((f'video{number}', name))
        body += [
            heading(*parts[-1]), *_measures(rows, f'video{number}'),
            page.source(f'video_{plain}_{number}.csv', content)
        ]
    page.add('video', 'Video without labels', *body, headings=parts)


def _measures(rows: Sequence[Dict[str, str]], name: str) -> List[str]:
    """A table of all joints, and a diagram of each measure by joint."""
    total = [row for row in rows if row['joint'] == 'all']
    networks = list(dict.fromkeys(row['network'] for row in rows))
    colors = {network: i for i, network in enumerate(networks)}
    joints = list(
        dict.fromkeys(row['joint'] for row in rows if row['joint'] != 'all'))
    found = [
        table(
            'All joints', ['network', 'measure', *STATISTICS, 'low'], [[
                row['network'],
                f'{row["measure"].replace("_", " ")} {row["unit"]}'.strip(),
                *(f'{float(row[key]):.3g}' if row[key] else '-'
                  for key in (*STATISTICS, 'low'))
            ] for row in total],
            texts=2),
        legend(colors)
    ]
    for measure in UNITS:
        cells = {
            (row['network'], row['joint']): row
            for row in rows if row['measure'] == measure
        }
        series = {
            i: [
                tuple(
                    float(cells[network, joint][key] or 'nan')
                    for key in ('median', '95%')) for joint in joints
            ]
            for network, i in colors.items() if (network, 'all') in cells
        }
        if series:
            what = f'{measure.replace("_", " ").capitalize()}: median and ' \
                '95 % quantile'
            found.append(
                panel(
                    diagrams.spans(f'{name}{measure}', f'{what} of each joint',
                                   joints, series, UNITS[measure]), what))
    return found
