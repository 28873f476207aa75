# Copyright (c) semipose_mm authors.
"""Write docs/results.md and its figures from the rows of evidence.py."""
import os
import os.path as osp
from collections import defaultdict
from typing import Dict, List, Sequence

TITLES = {
    'supervised': 'supervised (two networks, each on its own)',
    'supervised_long': 'supervised, compute of PoseDual',
    'posedual': 'PoseDual',
    'posedual_no_burn_in': 'PoseDual without burn-in',
}
KEYS = dict(
    mouse9=('PCK@0.05', 'PCK@0.1', 'AUC'), lspet=('PCK@0.1', 'PCK@0.2', 'AUC'))
HEAD = '''# Results on real data

Written by `python tools/benchmarks/evidence.py`, which does the runs that are
missing and resumes those that were cut off. Do not edit by hand.

- MobileNetV2 with ImageNet weights, 128x128, a head of 64 channels, batch 16,
  Adam, bfloat16; the configs are `configs/*_mobilenetv2_{{mouse9,lspet}}.py`.
- The last checkpoint is scored on the test file, and nothing is selected on
  it. Distances are relative to the longer side of the box.
- "PoseDual" and "supervised" see the same labeled samples in the same order.
  The supervised run trains two networks that do not know of each other, so it
  gives two results and a fair ensemble. "Compute of PoseDual" is one network
  with four times the iterations.
- Mean over the runs, and the spread (lowest to highest) where there are
  several. {versions}
'''


def networks(row: dict) -> Dict[str, str]:
    """Networks of a row: name and prefix of its metrics."""
    prefixes = {'network 0': ''}
    for prefix, name in (('net1/', 'network 1'), ('ensemble/', 'ensemble')):
        if any(key.startswith(prefix) for key in row['last']):
            prefixes[name] = prefix
    return prefixes


def cell(values: Sequence[float]) -> str:
    """Mean and spread."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f'{mean:.1f}'
    return f'{mean:.1f} ({min(values):.1f} to {max(values):.1f})'


def table(rows: List[dict], keys: Sequence[str]) -> List[str]:
    """A table of one setting."""
    groups = defaultdict(list)
    for row in rows:
        groups[row['method'], row['iters']].append(row)
    lines = [
        f'| method | iterations | minutes of training | seeds | scored | '
        f'{" | ".join(keys)} |', '|---' * (5 + len(keys)) + '|'
    ]
    order = list(TITLES)
    for (method, iters), group in sorted(
            groups.items(), key=lambda item: order.index(item[0][0])):
        minutes = sum(row['curve'][-1]['s'] for row in group) / len(group) / 60
        for name, prefix in networks(group[0]).items():
            cells = [
                cell([row['last'][prefix + key] for row in group])
                for key in keys
            ]
            lines.append(f'| {TITLES[method]} | {iters} | {minutes:.0f} | '
                         f'{len(group)} | {name} | {" | ".join(cells)} |')
    return lines


def draw(rows: List[dict], key: str, path: str) -> None:
    """Draw a metric against iterations and against minutes."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True)
    colors = {name: f'C{i}' for i, name in enumerate(TITLES)}
    seen = set()
    for row in rows:
        label = None if row['method'] in seen else TITLES[row['method']]
        seen.add(row['method'])
        iters = [point['iter'] for point in row['curve']]
        minutes = [point['s'] / 60 for point in row['curve']]
        for axis, x in zip(axes, (iters, minutes)):
            axis.plot(
                x, [point[key] for point in row['curve']],
                color=colors[row['method']],
                label=label,
                linewidth=1.2)
    axes[0].set_xlabel('iterations with a labeled batch')
    axes[1].set_xlabel('minutes of training')
    axes[0].set_ylabel(f'{key} of network 0')
    axes[0].legend(fontsize=8)
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def write_page(rows: List[dict], folder: str) -> None:
    """Write results.md and the figures.

    Args:
        rows (list): Rows of finished runs.
        folder (str): Folder of the page.
    """
    if not rows:
        return
    os.makedirs(osp.join(folder, 'figures'), exist_ok=True)
    stacks = sorted({(row['date'], row['torch'], row['device'])
                     for row in rows})
    versions = 'Measured ' + '; '.join(f'{date} with torch {torch} on {device}'
                                       for date, torch, device in stacks) + '.'
    lines = [HEAD.format(versions=versions)]
    settings = defaultdict(list)
    for row in rows:
        settings[row['data'], row['labels']].append(row)
    for (data, labels), group in sorted(
            settings.items(), key=lambda item: item[0], reverse=True):
        figure = f'figures/results_{data}_{labels}.png'
        draw(group, KEYS[data][0], osp.join(folder, figure))
        lines += [f'## {data}, {labels} labels', '']
        lines += table(group, KEYS[data])
        lines += ['', f'![PCK while training]({figure})', '']
        lines += ['| run | command | commit |', '|---|---|---|']
        for row in group:
            name = (f'{data}-{labels}_{row["method"]}_{row["iters"]}_seed'
                    f'{row["seed"]}')
            lines.append(f'| {row["method"]}, seed {row["seed"]} | `python '
                         f'tools/benchmarks/evidence.py --only {name}` | '
                         f'{row["commit"]} |')
        lines.append('')
    notes = osp.join(folder, 'results_notes.md')
    if osp.exists(notes):
        with open(notes) as file:
            lines.append(file.read().rstrip('\n'))
    path = osp.join(folder, 'results.md')
    with open(f'{path}.tmp', 'w') as file:
        file.write('\n'.join(lines).rstrip('\n') + '\n')
    os.replace(f'{path}.tmp', path)
