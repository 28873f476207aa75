# Copyright (c) semipose_mm authors.
"""Losses and metrics of runs against iterations."""
import json
import os.path as osp
import re
from glob import glob
from typing import Dict, List, Sequence

#: Keys of log entries that are no curves.
_POSITION = ('epoch', 'iter', 'step', 'time', 'data_time', 'seconds')
# of a joint, which TeachingMonitorHook logs in lines of their own
_KEPT = re.compile(r'net\d+/kept/\d+$')


def read_curves(work_dir: str) -> Dict[str, List[dict]]:
    """Read what a run logged, through all its resumes.

    Args:
        work_dir (str): Work folder of the run.

    Returns:
        dict: ``train`` and ``val``: entries in order, each with ``iter``,
        ``seconds`` of training so far, and the values that were logged;
        ``kept``: what selections kept of each joint, with ``iter``.

    Raises:
        FileNotFoundError: If the folder has no log.
    """
    paths = sorted(glob(osp.join(work_dir, '*', 'vis_data', '2*.json')))
    if not paths:
        raise FileNotFoundError(f'{work_dir} is no work folder of a training: '
                                'it has no */vis_data/*.json')
    train, val, kept, seconds, last, step_time = {}, {}, {}, 0., 0, 0.
    for path in paths:
        for entry in _read_entries(path):
            if any(_KEPT.match(key) for key in entry):
                kept[entry['step']] = dict(entry, iter=entry['step'])
            elif 'loss' not in entry:
                # the epoch, if the run counts epochs
                step = max(last, entry.get('step', 0))
                # of iterations after the last entry of the training
                seconds += step_time * (step - last)
                last = step
                val[last] = dict(entry, iter=last, seconds=seconds)
            else:
                # a resumed run repeats what came after its checkpoint
                step_time = entry['time']
                seconds += step_time * max(0, entry['iter'] - last)
                last = max(last, entry['iter'])
                train[entry['iter']] = dict(entry, seconds=seconds)
    return {
        name: [part[i] for i in sorted(part)]
        for name, part in dict(train=train, val=val, kept=kept).items()
    }


def _read_entries(path: str) -> List[dict]:
    """Entries of a log, but for a line that has not been written whole."""
    with open(path) as file:
        lines = file.readlines()
    if lines and not lines[-1].endswith('\n'):
        del lines[-1]
    return [json.loads(line) for line in lines]


def entry_metrics(entry: dict) -> Dict[str, float]:
    """Metrics of an entry of ``val``, without its place and times."""
    return {k: v for k, v in entry.items() if k not in _POSITION}


def last_metrics(work_dir: str) -> Dict[str, float]:
    """Metrics of the last evaluation of a run."""
    val = read_curves(work_dir)['val']
    if not val:
        raise ValueError(f'{work_dir} has not been evaluated yet')
    return entry_metrics(val[-1])


def plot(runs: Dict[str, str], keys: Sequence[str], path: str) -> None:
    """Draw one panel for each key, one line for each run.

    Args:
        runs (dict): Name of a line to its work folder.
        keys (Sequence[str]): What to draw, of training or evaluation.
        path (str): Picture to write.
    """
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(
        1, len(keys), figsize=(4.5 * len(keys), 3.5), squeeze=False)
    curves = {name: read_curves(folder) for name, folder in runs.items()}
    for axis, key in zip(axes[0], keys):
        for name, curve in curves.items():
            points = [p for part in curve.values() for p in part if key in p]
            axis.plot([p['iter'] for p in points], [p[key] for p in points],
                      label=name)
        axis.set_xlabel('iteration')
        axis.set_title(key)
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
