# Copyright (c) semipose_mm authors.
"""Tables and curves over several runs."""
import os.path as osp
import statistics
from typing import Dict, List, Sequence

from semipose_mm.evaluation import format_score, markdown_table
from semipose_mm.evaluation.scores import network_order
from .pictures import write_picture

#: What is shown of a run beside its scores.
ABOUT = ('config', 'labels', 'iterations', 'compute', 'minutes')
AXES = dict(iterations='iteration', compute='compute (millions of passes)')
LINES = {'net0': '-', 'net1': '--', 'ensemble': ':'}


def to_markdown(runs: Dict[str, dict], groups: Dict[str, dict],
                keys: Sequence[str]) -> str:
    """A table of the runs, and one of each metric.

    Args:
        runs (dict): Name of a run to what is known of it.
        groups (dict): Name of a group to its ``runs`` and ``scores``.
        keys (Sequence[str]): Metrics.

    Returns:
        str: Markdown, without a line break at its end.
    """
    rows = [['run', *ABOUT]]
    rows += [[name] + [_text(run[a]) for a in ABOUT]
             for name, run in runs.items()]
    parts = [markdown_table(rows, num_text=2)]
    for key in keys:
        networks = _networks(runs, key)
        head = ['run'] + [
            f'{n}, {which}' for n in networks for which in ('last', 'best')
        ]
        rows = [[name] + _run_cells(run, networks, key)
                for name, run in runs.items()]
        rows += [[f'{name} ({len(group["runs"])} runs)'] +
                 _group_cells(group, networks, key)
                 for name, group in groups.items()]
        parts += [f'{key}', markdown_table([head, *rows])]
    notes = []
    if any(run['compute'] is not None for run in runs.values()):
        notes.append('Compute: millions of passes of an image through a '
                     'network, forward and backward.')
    alone = [
        name for name, run in runs.items()
        if run['compute'] is not None and run['processes'] is None
    ]
    if alone:
        notes.append('It is that of each process, as the log does not tell '
                     f'how many there were, for {", ".join(alone)}.')
    if keys:
        notes.append('Best values have their iteration behind them.')
    if keys and groups:
        notes.append('Groups: mean ± standard deviation over runs.')
    return '\n\n'.join(parts + [' '.join(notes)] * bool(notes))


def _text(value) -> str:
    return '-' if value is None else str(value)


def _networks(runs: Dict[str, dict], key: str) -> List[str]:
    """Networks that any run has: numbers, teachers, the ensemble."""
    found = {
        network
        for run in runs.values()
        for network, row in run['scores'].items() if key in row
    }
    return sorted(found, key=network_order)


def _run_cells(run: dict, networks: List[str], key: str) -> List[str]:
    cells = []
    for network in networks:
        cell = run['scores'].get(network, {}).get(key)
        if cell is None:
            cells += ['-', '-']
            continue
        best = format_score(cell['best'])
        if cell['best_iter'] is not None:
            best += f' @ {cell["best_iter"]}'
        cells += [format_score(cell['last']), best]
    return cells


def _group_cells(group: dict, networks: List[str], key: str) -> List[str]:
    cells = []
    for network in networks:
        cell = group['scores'].get(network, {}).get(key, {})
        for which in ('last', 'best'):
            value = cell.get(which, {})
            text = format_score(value.get('mean'))
            if value.get('std') is not None:
                text += f' ± {format_score(value["std"])}'
            cells.append(text)
    return cells


def mean_curve(curves: List[list]) -> List[tuple]:
    """Mean and spread at the places that all runs were evaluated at.

    Args:
        curves (list[list]): Of each run (iterations or compute, value).

    Returns:
        list[tuple]: (iterations or compute, mean, standard deviation).
    """
    values = [dict(curve) for curve in curves]
    shared = [i for i in values[0] if all(i in v for v in values)]
    rows = [(i, [v[i] for v in values]) for i in shared]
    return [(i, statistics.fmean(row), statistics.stdev(row))
            for i, row in rows]


def _placed(run: dict, network: str, key: str, axis: str) -> list:
    """A curve against an axis."""
    points = run['curves'][network][key]
    if axis == 'iterations':
        return points
    return [(run['compute_at'][i], value) for i, value in points]


def draw_curves(runs: Dict[str, dict],
                members: Dict[str, List[str]],
                keys: Sequence[str],
                path: str,
                axis: str = 'iterations') -> None:
    """Draw a panel for each metric: runs, and groups as mean with a band.

    Args:
        runs (dict): Name of a run to what is known of it.
        members (dict): Name of a group to names of its runs, which are not
            drawn on their own.
        keys (Sequence[str]): Metrics.
        path (str): Picture to write, whole or not at all.
        axis (str): A key of :data:`AXES`. Defaults to ``'iterations'``.
    """
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    import numpy as np
    grouped = {run for names in members.values() for run in names}
    subjects = {name: [name] for name in runs if name not in grouped}
    subjects.update(members)
    figure, axes = plt.subplots(
        1, len(keys), figsize=(4.5 * len(keys), 4.5), squeeze=False)
    for panel, key in zip(axes[0], keys):
        for i, (title, names) in enumerate(subjects.items()):
            for network in _networks(runs, key):
                curves = [
                    _placed(runs[n], network, key, axis) for n in names
                    if key in runs[n]['curves'].get(network, {})
                ]
                if not curves:
                    continue
                style = dict(
                    color=f'C{i % 10}',
                    linestyle=LINES.get(network, '-.'),
                    label=f'{title}, {network}')
                if len(curves) == 1:
                    panel.plot(*zip(*curves[0]), **style)
                    continue
                points = np.array(mean_curve(curves)).reshape(-1, 3)
                low, high = (points[:, 1] + s * points[:, 2] for s in (-1, 1))
                panel.plot(points[:, 0], points[:, 1], **style)
                panel.fill_between(
                    points[:, 0],
                    low,
                    high,
                    color=style['color'],
                    alpha=0.15,
                    linewidth=0)
        panel.set_xlabel(AXES[axis])
        panel.locator_params(axis='x', nbins=5)
        panel.set_title(key)
        panel.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.canvas.draw()
    image = np.asarray(figure.canvas.buffer_rgba())[..., 2::-1]
    plt.close(figure)
    write_picture(osp.abspath(path), np.ascontiguousarray(image))
