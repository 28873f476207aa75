# Copyright (c) semipose_mm authors.
"""Write docs/results.md and its figures from the rows of evidence.py."""
import os
import os.path as osp
from typing import Dict, List, Sequence

TITLES = {
    'supervised': 'supervised (two networks, each on its own)',
    'supervised_long': 'supervised, compute of PoseDual',
    'posecons_affine': 'PoseCons, affine',
    'posecons': 'PoseCons, affine + joint cutout',
    'posedual_affine': 'PoseDual, affine',
    'posedual_randaug': 'PoseDual, affine + RandAugment',
    'posedual': 'PoseDual, affine + joint cutout',
    'posedual_fast': 'PoseDual, the same, with `--fast`',
    'posedual_legacy': 'PoseDual, the same, released geometry',
    'posedual_no_burn_in': 'PoseDual, the same, without burn-in',
}
KEYS = dict(
    mouse9=('PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC'),
    lspet=('PCK@0.1', 'PCK@0.2', 'AUC'))
HEADS = {'mobilenetv2': 'heatmaps', 'rtmpose-t': "RTMPose's head"}
DRAWN = 'PCK@0.1'
HEAD = '''# Results on real data

Written by `python dev/benchmarks/evidence.py`, which does the runs that are
missing and resumes those that were cut off. Do not edit by hand.

- MobileNetV2 with ImageNet weights. With a heatmap head of 64 channels and
  Adam the configs are `configs/*_mobilenetv2_{{mouse9,lspet}}.py`; with
  RTMPose's head and AdamW `configs/*_rtmpose-t_{{mouse9,lspet}}.py`, where
  MobileNetV2 takes the place of CSPNeXt-tiny. A setting's first name is that
  of `evidence.py`.
- The last checkpoint is scored on the test file, and nothing is selected on
  it. Distances are relative to the longer side of the box.
- All methods of a setting see the same labeled samples in the same order. The
  supervised run trains two networks that do not know of each other, so it
  gives two results and a fair ensemble. "Compute of PoseDual" is one network
  with four times the iterations.
- The first fifth of the iterations is burn-in, the second one ramp-up.
- Mean over the seeds, and lowest to highest. Minutes are those of one thread
  of a machine that other work shared. {versions}
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


def by_method(rows: List[dict]) -> Dict[str, List[dict]]:
    """Rows of each method by seeds, baselines first."""
    groups = {
        method: [row for row in rows if row['method'] == method]
        for method in TITLES
    }
    return {
        method: sorted(group, key=lambda row: row['seed'])
        for method, group in groups.items() if group
    }


def table(rows: List[dict], keys: Sequence[str]) -> List[str]:
    """A table of one setting."""
    lines = [
        f'| method | iterations | minutes | seeds | scored | '
        f'{" | ".join(keys)} |', '|---' * (5 + len(keys)) + '|'
    ]
    for method, group in by_method(rows).items():
        minutes = sum(row['curve'][-1]['s'] for row in group) / len(group) / 60
        iters = group[0]['curve'][-1]['iter']
        for name, prefix in networks(group[0]).items():
            cells = [
                cell([row['last'][prefix + key] for row in group])
                for key in keys
            ]
            lines.append(f'| {TITLES[method]} | {iters} | {minutes:.0f} | '
                         f'{len(group)} | {name} | {" | ".join(cells)} |')
    return lines


def draw(rows: List[dict], key: str, path: str) -> None:
    """Draw a metric of network 0: mean over seeds, lowest to highest."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axis = plt.subplots(figsize=(8, 4.5))
    colors = {name: f'C{i}' for i, name in enumerate(TITLES)}
    for method, group in by_method(rows).items():
        iters = [point['iter'] for point in group[0]['curve']]
        values = [[point[key] for point in row['curve']] for row in group]
        columns = list(zip(*values))
        axis.plot(
            iters, [sum(c) / len(c) for c in columns],
            color=colors[method],
            label=TITLES[method],
            linewidth=1.4)
        axis.fill_between(
            iters, [min(c) for c in columns], [max(c) for c in columns],
            color=colors[method],
            alpha=0.12,
            linewidth=0)
    axis.set_xlabel('iterations with a labeled batch')
    axis.set_ylabel(f'{key} of network 0')
    axis.legend(fontsize=7)
    axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def describe(row: dict) -> str:
    """The setting of a row in words."""
    width, height = row['size']
    head = HEADS[row.get('network', 'mobilenetv2')]
    return (f'{row["data"]}, {head}, {row["labels"]} labels, crops of {width}x'
            f'{height}, batches of {row["batch_size"]} labeled and as many '
            'unlabeled samples, '
            f'{"bfloat16" if row["amp"] else "float32"}.')


def write_page(rows: List[dict], folder: str) -> None:
    """Write results.md and the figures.

    Args:
        rows (list): Rows of finished runs.
        folder (str): Folder of the page.
    """
    if not rows:
        return
    from semipose_mm.evaluation import write_text
    os.makedirs(osp.join(folder, 'figures'), exist_ok=True)
    stacks = sorted({(row['date'], row['torch'], row['device'])
                     for row in rows})
    versions = 'Measured ' + '; '.join(f'{date} with torch {torch} on {device}'
                                       for date, torch, device in stacks) + '.'
    lines = [HEAD.format(versions=versions)]
    for setting in sorted({row['setting'] for row in rows}):
        group = [row for row in rows if row['setting'] == setting]
        keys = KEYS[group[0]['data']]
        figure = f'figures/results_{setting}.png'
        draw(group, DRAWN, osp.join(folder, figure))
        lines += [f'## {setting}', '', describe(group[0]), '']
        lines += table(group, keys)
        lines += ['', f'![{DRAWN} while training]({figure})', '']
        lines += ['| runs | command | commits |', '|---|---|---|']
        for method, runs in by_method(group).items():
            commits = ', '.join(sorted({row['commit'] for row in runs}))
            lines.append(f'| {TITLES[method]} | `python dev/benchmarks/'
                         f"evidence.py --only '{setting}_{method}_seed*'` | "
                         f'{commits} |')
        lines.append('')
    notes = osp.join(folder, 'results_notes.md')
    if osp.exists(notes):
        with open(notes) as file:
            lines.append(file.read().rstrip('\n'))
    write_text(
        osp.join(folder, 'results.md'), '\n'.join(lines).rstrip('\n') + '\n')
