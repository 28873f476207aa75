# Copyright (c) semipose_mm authors.
"""Write docs/results.md and its figure from the rows of evidence.py."""
import os
import os.path as osp
from typing import Dict, Iterator, List, Sequence

from evidence_settings import METHODS, SETTINGS, TRIALS

KEYS = ('PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC')
DRAWN = 'PCK@0.1'
#: Width of a box in the crop: the rest is padding, but for whole images.
PADDING = dict(mirror_mouse=1.0)
HEAD = '''# Results on real data, at equal compute

Written by `python dev/evidence/evidence.py`, which does the runs that are
missing and resumes those that were cut off. Do not edit by hand.

- **Compute**: a unit is a forward and a backward pass of one network with a
  batch of 8 labeled crops, a forward pass a third of it
  (`semipose_mm.analysis.compute`). A method gets the iterations that a budget
  of units pays for, and its own schedule to its end.
- **Network**: MobileNetV2 with ImageNet weights and a head of 64 channels,
  crops of 64x64, heatmaps of 16x16, batches of 8 labeled and as many unlabeled
  samples, Adam, float32, one thread of a CPU. The learning rate falls at 70
  and 90 % of the iterations.
- **Data**: LSPET, Leeds Sports Pose Extended, 1000 test images; mouse9, frames
  of mouse videos, whose test frames neighbor those that train, so that they
  flatter everybody; mirror_mouse, one video laboratory's mouse, its 90 labels
  split in the order of the frames: 30 train, or every third of these, 15
  choose, 45 are reported. A setting's name ends in the number of labels.
- **Scores** are those of the last checkpoint on labels that no choice has
  seen. What our recipe is was chosen on others (below). PCK@t counts joints
  nearer than t of the box's longer side; the error is the mean distance in
  pixels of the crop. Mean over the seeds, and lowest to highest. "EMA" is the
  average of a network's weights over the last tenth of its training, which
  costs nothing.
- {versions}
'''
TRIED = '''## What was tried for the recipe

Scored on labels that neither train nor are reported: those of the largest
labeled set that are not in the smaller one (500 at most), and the 15 frames of
mirror_mouse between its two parts. In the order of {key}.
'''


def cell(values: Sequence[float], digits: int = 1) -> str:
    """Mean and spread."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f'{mean:.{digits}f}'
    return (f'{mean:.{digits}f} ({min(values):.{digits}f} to '
            f'{max(values):.{digits}f})')


def network_title(name: str) -> str:
    """How the table calls a network."""
    if name.startswith('net'):
        return f'network {name[3:]}'
    return f'EMA of {name[3:]}' if name.startswith('ema') else name


def error(row: dict, scores: dict) -> float:
    """Mean distance in pixels of the crop."""
    data, _, size, _ = SETTINGS[row['setting']]
    return scores['NME'] / 100 * max(size) / PADDING.get(data, 1.25)


def grouped(rows: List[dict], methods: Sequence[str]) -> Iterator[tuple]:
    """Setting, budget, method and its rows, in the order of the page."""
    for setting in SETTINGS:
        budgets = sorted(
            {row['budget']
             for row in rows if row['setting'] == setting})
        for budget in budgets:
            for method in methods:
                runs = [
                    row for row in rows
                    if (row['setting'], row['budget'],
                        row['method']) == (setting, budget, method)
                ]
                if runs:
                    yield setting, budget, method, runs


def table(rows: List[dict], methods: Sequence[str], part: str) -> List[str]:
    """A line for each network that was scored."""
    lines = [
        '| units | method | iterations | CPU min | seeds | scored | ' +
        ' | '.join(KEYS) + ' | error, px |', '|---' * (7 + len(KEYS)) + '|'
    ]
    for _, budget, method, runs in grouped(rows, methods):
        about = (f'{budget} | {METHODS[method].title} | '
                 f'{runs[0]["iterations"]} | '
                 f'{sum(r["cpu_seconds"] for r in runs) / len(runs) / 60:.0f}'
                 f' | {len(runs)}')
        for name in runs[0][part]:
            scores = [row[part][name] for row in runs]
            cells = [cell([one[key] for one in scores]) for key in KEYS]
            far = cell([error(r, s) for r, s in zip(runs, scores)], 2)
            lines.append(f'| {about} | {network_title(name)} | '
                         f'{" | ".join(cells)} | {far} |')
    return lines


def draw(rows: List[dict], methods: Sequence[str], path: str) -> None:
    """Draw what is missed against compute: mean, lowest to highest."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    settings = [s for s in SETTINGS if any(r['setting'] == s for r in rows)]
    columns = min(3, len(settings))
    lines = -(-len(settings) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(4.2 * columns, 3.4 * lines), squeeze=False)
    for axis in axes.flat[len(settings):]:
        axis.set_visible(False)
    for axis, setting in zip(axes.flat, settings):
        for i, method in enumerate(methods):
            points: Dict[int, List[float]] = {
                budget: [100 - best(row, 'test') for row in runs]
                for _, budget, _, runs in grouped(
                    [r for r in rows if r['setting'] == setting], [method])
            }
            if not points:
                continue
            units = list(points)
            axis.plot(
                units, [sum(v) / len(v) for v in points.values()],
                '.-',
                color=f'C{i}',
                label=METHODS[method].title,
                linewidth=1.4)
            axis.fill_between(
                units, [min(v) for v in points.values()],
                [max(v) for v in points.values()],
                color=f'C{i}',
                alpha=0.15,
                linewidth=0)
        axis.set_xscale('log')
        axis.set_title(setting)
        axis.set_xlabel('units of compute')
        axis.set_ylabel(f'joints missed at {DRAWN[4:]}, %')
        axis.grid(alpha=0.3)
    # no setting has all methods
    known = {
        label: handle
        for axis in axes.flat
        for handle, label in zip(*axis.get_legend_handles_labels())
    }
    figure.legend(
        known.values(), known, loc='lower center', ncol=3, fontsize=8)
    figure.tight_layout(rect=(0, 0.06 if lines > 1 else 0.12, 1, 1))
    figure.savefig(path, dpi=90)
    plt.close(figure)


def best(row: dict, part: str) -> float:
    """The score of a row's best network, an ensemble included."""
    return max(scores[DRAWN] for scores in row[part].values())


def write_page(rows: List[dict], folder: str) -> None:
    """Write results.md and the figure.

    Args:
        rows (list): Rows of finished runs.
        folder (str): Folder of the page.
    """
    if not rows:
        return
    from semipose_mm.evaluation import write_text
    rows = sorted(rows, key=lambda row: row['seed'])
    reported = [name for name in METHODS if name not in TRIALS]
    os.makedirs(osp.join(folder, 'figures'), exist_ok=True)
    figure = 'figures/results.png'
    draw(rows, reported, osp.join(folder, figure))
    dates = sorted({row['date'] for row in rows})
    commits = sorted({row['commit'] for row in rows})
    versions = (f'Measured {dates[0]} to {dates[-1]} with torch '
                f'{", ".join(sorted({row["torch"] for row in rows}))}, '
                f'commits {", ".join(commits)}.')
    lines = [
        HEAD.format(versions=versions),
        f'![Error against compute, best network of a run]({figure})', ''
    ]
    for setting in SETTINGS:
        own = [row for row in rows if row['setting'] == setting]
        body = table(own, reported, 'test')
        if len(body) > 2:
            lines += [f'## {setting}', '', *body, '']
    notes = osp.join(folder, 'results_notes.md')
    if osp.exists(notes):
        with open(notes) as file:
            lines += [file.read().rstrip('\n'), '']
    lines.append(TRIED.format(key=DRAWN))
    for setting in SETTINGS:
        own = [
            row for row in rows if row['setting'] == setting and row['choose']
        ]
        reached: Dict[str, float] = {}
        for row in own:
            reached[row['method']] = max(
                best(row, 'choose'), reached.get(row['method'], 0.))
        if own:
            order = sorted(reached, key=lambda name: -reached[name])
            lines += [f'### {setting}', '', *table(own, order, 'choose'), '']
    lines.append('[results_earlier.md](results_earlier.md) has what was '
                 'measured at equal iterations before.')
    write_text(
        osp.join(folder, 'results.md'), '\n'.join(lines).rstrip('\n') + '\n')
