# Copyright (c) semipose_mm authors.
"""Measure what happens before the first iteration, and what it holds.

python dev/benchmarks/startup.py [--boxes N ...] [--workers N ...]
python dev/benchmarks/startup.py --read-only --boxes 10000 150000 1500000

Generates data of the size asked for, and starts ``semipose train`` on it in
fresh processes.
"""
import argparse
import json
import os
import os.path as osp
import subprocess
import sys
import tempfile
import time
from functools import partial
from typing import Dict, List

from measuring import ROOT, in_turns, report, spread
from startup_data import write_data

PROBE = osp.join(osp.dirname(osp.abspath(__file__)), 'startup_probe.py')
CONFIG = 'configs/posedual_res18slim_own.py'
UNLABELED = 'train_dataloader.dataset.unlabeled.'
MIB = 1 << 20


def parse_args() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--boxes', type=int, nargs='+', default=[150_000])
    parser.add_argument('--labels', type=int, default=1000)
    parser.add_argument('--workers', type=int, nargs='+', default=[0, 2])
    parser.add_argument(
        '--annotated',
        action='store_true',
        help='annotations with outlines, as COCO has, instead of detections')
    parser.add_argument(
        '--read-only',
        action='store_true',
        help='only read the unlabeled set, without training')
    parser.add_argument('--turns', type=int, default=3)
    parser.add_argument(
        '--cores', type=int, default=1, help='cores that a process may use')
    parser.add_argument('--out', help='json file for the numbers')
    parser.add_argument(
        '--folder', help='where the data are generated, for a while')
    return parser.parse_args()


def start(args: argparse.Namespace, root: str, options: List[str]) -> dict:
    """Start a process and get what it has measured.

    Args:
        args (Namespace): The options.
        root (str): Folder of the data.
        options (list[str]): Options of the process.

    Returns:
        dict: What it has written.
    """
    result = osp.join(root, 'result.json')
    cores = sorted(os.sched_getaffinity(0))[:args.cores]
    env = dict(os.environ, SEMIPOSE_OWN=root)
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, PROBE, result,
         str(begin), *options],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=partial(os.sched_setaffinity, 0, cores))
    if done.returncode:
        sys.exit(done.stdout[-4000:])
    with open(result) as file:
        return json.load(file)


def options_of(args: argparse.Namespace, root: str, workers: int) -> List[str]:
    """Options of the process.

    Args:
        args (Namespace): The options.
        root (str): Folder of the data.
        workers (int): Number of workers.

    Returns:
        list[str]: The options.
    """
    annotations = osp.join(root, 'annotations')
    if args.read_only:
        options = dict(
            ann_file=osp.join(annotations, 'image_info_unlabeled.json'),
            data_prefix=dict(img=osp.join(root, 'images', 'unlabeled')),
            metainfo=dict(from_file='configs/_base_/datasets/coco.py'))
        if args.annotated:
            options['keypoints_only'] = True
        else:
            options['bbox_file'] = osp.join(annotations,
                                            'unlabeled_detections.json')
        return ['--read', json.dumps(options)]
    options = [
        CONFIG, '--work-dir',
        osp.join(root, 'work'), '--cfg-options',
        f'train_dataloader.num_workers={workers}',
        f'train_dataloader.persistent_workers={workers > 0}',
        'val_dataloader.num_workers=0'
    ]
    if args.annotated:
        options += [
            f'{UNLABELED}bbox_file=None', f'{UNLABELED}keypoints_only=True'
        ]
    return options


def measure(args: argparse.Namespace, boxes: int) -> Dict[str, List[dict]]:
    """Measure with data of one size.

    Args:
        args (Namespace): The options.
        boxes (int): Number of unlabeled boxes.

    Returns:
        dict: What the processes of each kind have measured.
    """
    found: Dict[str, List[dict]] = {}
    with tempfile.TemporaryDirectory(dir=args.folder) as root:
        write_data(root, boxes, args.labels, args.annotated,
                   not args.read_only)
        actions = {}
        for workers in args.workers[:1] if args.read_only else args.workers:
            name = str(boxes) if args.read_only else f'{boxes}, {workers}'

            def action(name=name, workers=workers):
                found.setdefault(name, []).append(
                    start(args, root, options_of(args, root, workers)))

            actions[name] = action
        in_turns(actions, args.turns, warm_up=0)
    return found


def tabulate(found: Dict[str, List[dict]], read_only: bool) -> List[List[str]]:
    """Make the table.

    Args:
        found (dict): What was measured.
        read_only (bool): Whether the unlabeled set was read, no more.

    Returns:
        list[list[str]]: The rows, titles first.
    """

    def shown(name, get):
        return str(spread([get(run) for run in found[name]]))

    def median(name, get, digits=0):
        middle = spread([get(run) for run in found[name]]).median
        return f'{middle:.{digits}f}'

    if read_only:
        rows = [[
            'boxes', 'seconds', 'CPU seconds', 'peak growth, MiB',
            'bytes per box'
        ]]
        return rows + [[
            name,
            shown(name, lambda run: run['seconds']['unlabeled']),
            shown(name, lambda run: run['cpu_seconds']),
            median(name, lambda run: run['peak_growth'] / MIB),
            median(name, lambda run: run['index_bytes'] / run['entries'], 1)
        ] for name in found]
    parts = list(next(iter(found.values()))[0]['seconds'])
    rows = [[
        'boxes, workers', *parts, 'seconds in all', 'CPU seconds', 'peak, MiB',
        'a worker alone, MiB'
    ]]
    for name, runs in found.items():
        parts_of = (
            median(name, lambda run, part=part: run['seconds'][part], 2)
            for part in parts)
        alone = median(
            name,
            lambda run: max(w['private'] for w in run['workers']) / MIB,
        ) if runs[0]['workers'] else '-'
        rows.append([
            name, *parts_of,
            shown(name, lambda run: sum(run['seconds'].values())),
            shown(name, lambda run: run['cpu_seconds']),
            median(name, lambda run: run['main']['peak'] / MIB), alone
        ])
    return rows


def main() -> None:
    """Measure and report."""
    args = parse_args()
    found: Dict[str, List[dict]] = {}
    for boxes in args.boxes:
        found.update(measure(args, boxes))
    source = 'annotations' if args.annotated else 'detections'
    what = 'Reading' if args.read_only else 'Start-up with'
    report(f'{what} {source}, {args.cores} core(s), {args.turns} turns',
           tabulate(found, args.read_only), found, args.out)


if __name__ == '__main__':
    main()
