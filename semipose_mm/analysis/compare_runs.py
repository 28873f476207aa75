# Copyright (c) semipose_mm authors.
"""Compare trainings: their scores, and those of groups of them."""
import csv
import io
import os
import os.path as osp
import re
import statistics
from typing import Dict, List, Optional, Tuple

from semipose_mm.evaluation import split_networks, write_json, write_text
from .compare_tables import ABOUT, draw_curves, to_markdown
from .compute import training_compute
from .label_rounds import label_rounds, rounds_csv, rounds_table
from .plot_curves import entry_metrics, read_curves
from .run_config import (describe_config, kept_config, read_logged,
                         scored_networks)

#: What is shown of the metrics if ``--keys`` does not say it.
MAIN_KEYS = ('coco/AP', 'PCK', 'PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC')
#: The part of a name in which the runs of a group differ.
SEED = r'[-_.]?seed[-_=]?\d+'
#: Metrics of which less is better.
_ERRORS = re.compile(r'(^|/)(EPE|NME|MPJPE)')


def name_runs(work_dirs: List[str]) -> Dict[str, str]:
    """Short names that tell work folders apart.

    Args:
        work_dirs (list[str]): Work folders.

    Returns:
        dict: Name to folder: the last part of the path, or as many parts as
        it takes.
    """
    parts = [osp.abspath(folder).split(os.sep) for folder in work_dirs]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ['/'.join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return dict(zip(names, work_dirs))


def read_run(work_dir: str) -> dict:
    """What is known of a run.

    Args:
        work_dir (str): Work folder of a training.

    Returns:
        dict: ``config``, ``labels``, ``iterations`` and ``minutes`` of
        training so far, ``compute`` of them in millions of passes (forward
        and backward) of an image through a network, summed over
        ``processes``, or of one where their number is None; None where the
        folder does not tell; ``curves``: network to metric to a list of
        (iteration, value); ``compute_at``: iterations of curves to compute.

    Raises:
        FileNotFoundError: If the folder has no log.
    """
    logged = read_curves(work_dir)
    curves: Dict[str, Dict[str, list]] = {}
    cfg = kept_config(work_dir) or {}
    named = scored_networks(cfg)
    for entry in logged['val']:
        for network, row in split_networks(entry_metrics(entry),
                                           *named).items():
            for key, value in row.items():
                curves.setdefault(network, {}).setdefault(key, []).append(
                    (entry['iter'], value))
    last = max(
        logged['train'][-1:] + logged['val'][-1:],
        key=lambda entry: entry['iter'],
        default=None)
    processes, *known = read_logged(work_dir)

    def compute(iterations: int) -> Optional[float]:
        passes = training_compute(cfg, iterations, *known)
        return None if passes is None else passes * (processes or 1) / 1e6

    total = last and compute(last['iter'])
    return dict(
        describe_config(work_dir),
        iterations=last and last['iter'],
        minutes=last and round(last['seconds'] / 60, 1),
        compute=total and float(f'{total:.4g}'),
        processes=processes,
        curves=curves,
        compute_at={
            entry['iter']: compute(entry['iter'])
            for entry in logged['val']
        })


def summarize(points: list, key: str) -> Dict[str, Optional[float]]:
    """Last and best value of a metric, with their iterations.

    Args:
        points (list): (iteration, value), in order.
        key (str): Name of the metric.

    Returns:
        dict: ``last``, ``last_iter``, ``best`` and ``best_iter``.
    """
    pick = min if _ERRORS.search(key) else max
    defined = [p for p in points if p[1] is not None and p[1] == p[1]]
    best = pick(defined, key=lambda p: p[1]) if defined else (None, None)
    return dict(
        last=points[-1][1],
        last_iter=points[-1][0],
        best=best[1],
        best_iter=best[0])


def add_scores(run: dict) -> None:
    """Put last and best values of all curves into a run."""
    run['scores'] = {
        network: {
            key: summarize(points, key)
            for key, points in row.items()
        }
        for network, row in run['curves'].items()
    }


def find_groups(names: List[str], pattern: str) -> Dict[str, List[str]]:
    """Names that are equal without what a pattern matches.

    Args:
        names (list[str]): Names of runs.
        pattern (str): Regular expression.

    Returns:
        dict: What is left of the names to the names, for two and more.
    """
    groups: Dict[str, List[str]] = {}
    for name in names:
        rest = re.sub(pattern, '', name)
        if rest != name:
            groups.setdefault(rest.strip('-_./') or 'all', []).append(name)
    return {name: runs for name, runs in groups.items() if len(runs) > 1}


def group_scores(runs: List[dict]) -> dict:
    """Mean and sample standard deviation over the runs of a group.

    Args:
        runs (list[dict]): With ``scores``.

    Returns:
        dict: network to metric to ``last`` and ``best``, each with ``mean``,
        ``std`` and the number ``n`` of runs that have the value.
    """
    scores: dict = {}
    for network, key in dict.fromkeys((network, key) for run in runs
                                      for network in run['scores']
                                      for key in run['scores'][network]):
        cell = scores.setdefault(network, {}).setdefault(key, {})
        for which in ('last', 'best'):
            values = [
                run['scores'][network][key][which] for run in runs
                if key in run['scores'].get(network, {})
            ]
            values = [v for v in values if v is not None and v == v]
            cell[which] = dict(
                mean=statistics.fmean(values) if values else None,
                std=statistics.stdev(values) if len(values) > 1 else None,
                n=len(values))
    return scores


def to_csv(runs: Dict[str, dict], groups: Dict[str, List[str]]) -> str:
    """All values of all runs, one line for each."""
    group_of = {run: name for name, names in groups.items() for run in names}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    values = ('last', 'last_iter', 'best', 'best_iter')
    writer.writerow(('run', 'group', 'network', 'metric', *values, *ABOUT))
    for name, run in runs.items():
        for network, row in run['scores'].items():
            for key, cell in row.items():
                writer.writerow(
                    (name, group_of.get(name), network, key,
                     *(cell[v] for v in values), *(run[a] for a in ABOUT)))
    return text.getvalue()


def choose_keys(runs: Dict[str, dict], given: Optional[List[str]]) -> list:
    """Metrics that tables and curves show.

    Raises:
        ValueError: If no run has a metric that was asked for.
    """
    found = list(
        dict.fromkeys(key for run in runs.values()
                      for row in run['scores'].values() for key in row))
    for key in given or ():
        if key not in found:
            raise ValueError(f'--keys: no run has {key}; there is '
                             f'{", ".join(found) or "no evaluation yet"}')
    return given or [k for k in MAIN_KEYS if k in found] or found


def compare(work_dirs: List[str],
            keys: Optional[List[str]] = None,
            group: str = 'auto',
            out_dir: str = 'compare_runs',
            axis: str = 'iterations',
            labels: Optional[str] = None) -> Tuple[str, List[str]]:
    """Compare trainings, and write tables and curves.

    Args:
        work_dirs (list[str]): Work folders.
        keys (list[str], optional): Metrics to show. Defaults to None, the
            usual ones.
        group (str): ``'auto'`` for :data:`SEED`, ``'none'``, or a regular
            expression of what the names of the runs of a group differ in.
            Defaults to ``'auto'``.
        out_dir (str): Folder to write to. Defaults to ``'compare_runs'``.
        axis (str): What curves are drawn against, ``'iterations'`` or
            ``'compute'``. Defaults to ``'iterations'``.
        labels (str, optional): Folder of ``semipose import``, to tell which
            labels each run had. Defaults to None.

    Returns:
        tuple[str, list[str]]: The tables in markdown, and the names of the
        files.

    Raises:
        FileNotFoundError: If a folder is that of no training.
        ValueError: If there is no such metric, or a run does not tell its
            compute.
    """
    folders = name_runs(work_dirs)
    runs = {name: read_run(folder) for name, folder in folders.items()}
    for run in runs.values():
        add_scores(run)
    keys = choose_keys(runs, keys)
    for name, run in runs.items():
        if axis == 'compute' and None in run['compute_at'].values():
            raise ValueError(
                f'--axis compute: the config and the log in {name} do not '
                'tell the model, the size of batches or the length of the '
                'burn-in')
    members = {} if group == 'none' else find_groups(
        list(runs), SEED if group == 'auto' else group)
    groups = {
        name: dict(runs=names, scores=group_scores([runs[n] for n in names]))
        for name, names in members.items()
    }
    text = to_markdown(runs, groups, keys)
    if labels:
        rows, notes = label_rounds(labels, folders, runs)
        text = '\n\n'.join([text, rounds_table(rows, folders, keys), *notes])
        write_text(osp.join(out_dir, 'labels.csv'), rounds_csv(rows))
    path = osp.join(out_dir, 'runs')
    write_text(f'{path}.md', text + '\n')
    write_text(f'{path}.csv', to_csv(runs, members))
    write_json(f'{path}.json', dict(runs=runs, groups=groups))
    files = ['runs.md', 'runs.csv', 'runs.json'
             ] + ['labels.csv'] * bool(labels)
    if keys:
        draw_curves(runs, members, keys, osp.join(out_dir, 'curves.png'), axis)
        files.append('curves.png')
    return text, files
