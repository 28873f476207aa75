# Copyright (c) semipose_mm authors.
"""Iterations per second of a real training, and its waiting for data.

python dev/benchmarks/end_to_end.py CONFIG [--iters N] [-- TRAIN_OPTION ...]

Runs ``semipose train`` on the config's own data, without validation, and reads
what it logs. What follows ``--`` is handed on, such as ``--fast``.
"""
import argparse
import glob
import json
import os.path as osp
import subprocess
import sys
import tempfile
from typing import Dict, List, Optional

from measuring import ROOT, report, spread
from mmengine.config import Config

#: Iterations of a log line.
INTERVAL = 5


def parse_args() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description='Time a training')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--iters',
        type=int,
        default=60,
        help='timed iterations. Defaults to 60')
    parser.add_argument(
        '--warm-up',
        type=int,
        default=20,
        help='iterations before that. Defaults to 20')
    parser.add_argument('--workers', type=int, help='those of the loader')
    parser.add_argument('--batch', type=int, help='the batch size')
    parser.add_argument('--out', help='json file of the results')
    words = sys.argv[1:]
    end = words.index('--') if '--' in words else len(words)
    args = parser.parse_args(words[:end])
    args.train = words[end + 1:]
    return args


def train(args: argparse.Namespace,
          work_dir: str,
          env: Optional[Dict[str, str]] = None) -> List[dict]:
    """Train, and read a dict of times for every few iterations.

    Args:
        args (Namespace): The options.
        work_dir (str): An empty folder.
        env (dict, optional): Another environment. Defaults to None

    Returns:
        list[dict]: Mean seconds ``time`` and ``data_time`` of an iteration.
    """
    total = args.warm_up + args.iters
    cfg = Config.fromfile(args.config)
    cfg.train_cfg = dict(
        type='SemiPoseIterTrainLoop', max_iters=total, val_interval=total)
    cfg.default_hooks.logger.update(
        interval=INTERVAL, log_metric_by_epoch=False)
    cfg.default_hooks.checkpoint.update(
        by_epoch=False, interval=10 * total, save_best=None)
    cfg.log_processor.update(by_epoch=False, window_size=INTERVAL)
    for hook in cfg.custom_hooks:
        if 'burn_in' in hook:  # whose iterations are not the usual ones
            hook.update(burn_in=0, ramp_up=0)
    for key, value in (('num_workers', args.workers), ('batch_size',
                                                       args.batch)):
        if value is not None:
            cfg.train_dataloader[key] = value
    path = osp.join(work_dir, 'timed.py')
    cfg.dump(path)
    command = [
        sys.executable,
        osp.join(ROOT, 'tools', 'train.py'), path, '--work-dir', work_dir,
        '--no-validate', *args.train
    ]
    result = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    if result.returncode:
        sys.exit(result.stderr.decode(errors='replace')[-2000:])
    path, = glob.glob(osp.join(work_dir, '*', 'vis_data', 'scalars.json'))
    with open(path) as file:
        lines = [json.loads(line) for line in file]
    return [
        line for line in lines
        if 'data_time' in line and line['iter'] > args.warm_up
        and line['iter'] % INTERVAL == 0  # ends of epochs are logged as well
    ]


def main() -> None:
    """Measure and report."""
    args = parse_args()
    with tempfile.TemporaryDirectory() as work_dir:
        lines = train(args, work_dir)
    if not lines:
        sys.exit(f'nothing was logged after the warm-up: an epoch must have '
                 f'a multiple of {INTERVAL} iterations')
    seconds = spread([line['time'] for line in lines])
    waiting = spread([line['data_time'] / line['time'] for line in lines])
    rows = [['what', f'median of {len(lines)} x {INTERVAL} iterations'],
            ['iterations per second', f'{1 / seconds.median:.3f}'],
            ['seconds of an iteration', f'{seconds}'],
            ['share of waiting for data', f'{waiting}']]
    report(f'Training {args.config}', rows,
           dict(options=vars(args), lines=lines), args.out)


if __name__ == '__main__':
    main()
