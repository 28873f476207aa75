# Copyright (c) semipose_mm authors.
"""Trainings before and after labels were added, side by side."""
import csv
import io
import os.path as osp
from datetime import datetime
from typing import Any, Dict, List, Optional, Sequence, Tuple

from semipose_mm.data_files.label_folder import is_label_folder, read_manifest
from semipose_mm.evaluation import format_score, markdown_table
from .run_config import kept_config, logged_folders, scored_networks

COLUMNS = ('run', 'import', 'train_images', 'train_joints', 'held_out_images',
           'held_out_joints', 'held_out_as_first', 'network', 'metric', 'last',
           'best', 'last_change', 'best_change')


def label_rounds(folder: str, work_dirs: Dict[str, str],
                 runs: Dict[str, dict]) -> Tuple[List[dict], List[str]]:
    """Which labels each run had, and its scores.

    A run had the labels of the last import before it started.

    Args:
        folder (str): The folder of labels, see ``semipose import``.
        work_dirs (dict): Name of a run to its work folder, the first one
            being that before.
        runs (dict): Name of a run to what is known of it, with ``scores``.

    Returns:
        tuple: A row of :data:`COLUMNS` for each run, network and metric, and
        what is doubtful.

    Raises:
        DataError: If the folder has no manifest.
        ValueError: If no import tells which labels a run had.
    """
    if not is_label_folder(folder):
        raise ValueError(f'--labels {folder} is no folder that semipose '
                         'import has written')
    imports = read_manifest(folder)['imports']
    rows: List[dict] = []
    first: Optional[dict] = None
    before: Dict[tuple, dict] = {}
    others = []
    for name, work_dir in work_dirs.items():
        number, known = _import_of(imports, work_dir, folder)
        first = first or known
        same = known['held_out'] == first['held_out']
        others += [] if same else [name]
        counts = known['counts']
        for network, metrics in runs[name]['scores'].items():
            for metric, cell in metrics.items():
                start = before.setdefault((network, metric), cell)
                rows.append(
                    dict(
                        zip(COLUMNS,
                            (name, number, counts['train']['images'],
                             counts['train']['labeled_joints'],
                             counts['val']['images'],
                             counts['val']['labeled_joints'], int(same),
                             network, metric, cell['last'], cell['best'],
                             *(_change(cell[key], start[key])
                               for key in ('last', 'best'))))))
    notes = [
        f'{", ".join(others)} had another held-out part than '
        f'{next(iter(work_dirs))}: these scores are of different labels; '
        'semipose test scores both on those of now'
    ] if others else []
    begun, *later = work_dirs
    notes += [
        f'{name} was trained for {runs[name]["iterations"]} iterations and '
        f'{begun} for {runs[begun]["iterations"]}: not all of the change is '
        'that of the labels' for name in later
        if runs[name]['iterations'] != runs[begun]['iterations']
    ]
    return rows, notes


def rounds_csv(rows: Sequence[dict]) -> str:
    """All rows of :func:`label_rounds` as csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def rounds_table(rows: Sequence[dict], work_dirs: Dict[str, str],
                 keys: Sequence[str]) -> str:
    """A line a run, with the scores of its selected network.

    Args:
        rows (Sequence[dict]): What :func:`label_rounds` gave.
        work_dirs (dict): Name of a run to its work folder.
        keys (Sequence[str]): The metrics.

    Returns:
        str: Markdown; changes against the first run stand in brackets.
    """
    lines = [['run', *COLUMNS[1:6], *keys]]
    for name, work_dir in work_dirs.items():
        own = [row for row in rows if row['run'] == name]
        selected = scored_networks(kept_config(work_dir))[0]
        if selected not in {row['network'] for row in own}:
            selected = own[0]['network'] if own else None
        cells = {
            row['metric']: row
            for row in own if row['network'] == selected
        }
        if own:
            lines.append([
                f'{name}, {selected}',
                *(str(own[0][key]) for key in COLUMNS[1:6]),
                *(_cell(cells.get(key)) for key in keys)
            ])
    return markdown_table(lines)


def _cell(row: Optional[dict]) -> str:
    """The last score, and its change."""
    if row is None:
        return '-'
    change = row['last_change']
    return format_score(
        row['last']) + ('' if change is None else f' ({change:+.4f})')


def _change(value: Any, before: Any) -> Optional[float]:
    numbers = [value, before]
    if any(one is None or one != one for one in numbers):
        return None
    return round(value - before, 6)


def _import_of(imports: Sequence[dict], work_dir: str,
               folder: str) -> Tuple[int, dict]:
    """The last import before a run started, and its number."""
    folders = logged_folders(work_dir)
    try:
        # names of logs are of the local time
        began = datetime.strptime(osp.basename(folders[-1]),
                                  '%Y%m%d_%H%M%S').astimezone()
    except (IndexError, ValueError):
        raise ValueError(f'{work_dir} has no text log that tells when its '
                         'training started') from None
    found = [(number, one) for number, one in enumerate(imports, 1)
             if datetime.fromisoformat(one['time']) <= began]
    if not found or 'held_out' not in found[-1][1]:
        raise ValueError(
            f'--labels {folder} does not tell the labels of {work_dir}: no '
            'import before its start kept what it held out, as those of this '
            'version do')
    return found[-1]
