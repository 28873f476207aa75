# Copyright (c) semipose_mm authors.
"""Measure supervised training against PoseDual on real data.

python tools/benchmarks/evidence.py [--only PATTERN] [--list]

Every run is one call of tools/train.py with a seed. A run that was cut
off goes on from its last checkpoint, a finished one is skipped, and
each adds its row to docs/results.json, from which docs/results.md and
its figures are written anew. Always the last checkpoint counts: nothing
is selected on the test file.
"""
import argparse
import fnmatch
import json
import os
import os.path as osp
import subprocess
import sys
import time
from typing import List, NamedTuple

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
sys.path.insert(0, osp.join(ROOT, 'tools', 'analysis'))
ROWS = osp.join(ROOT, 'docs', 'results.json')
BATCH_SIZE = 16
#: One step of PoseDual costs about four of one supervised network.
EQUAL_COMPUTE = 4


class Run(NamedTuple):
    """One training.

    Attributes:
        data (str): ``'mouse9'`` or ``'lspet'``.
        labels (int): Number of labeled samples.
        method (str): A key of :data:`METHODS`.
        seed (int): Seed.
        iters (int): Iterations with labeled batches.
    """
    data: str
    labels: int
    method: str
    seed: int
    iters: int

    @property
    def name(self) -> str:
        """str: Unique, and fit for a folder."""
        return (f'{self.data}-{self.labels}_{self.method}_{self.iters}'
                f'_seed{self.seed}')


#: Config and overrides. 'supervised' trains two independent networks at once,
#: which gives two seeds and their ensemble.
METHODS = {
    'supervised': ('supervised', {
        'model.peers': [dict()]
    }),
    'supervised_long': ('supervised', {}),
    'posedual': ('posedual', {}),
    'posedual_no_burn_in': ('posedual', {
        'custom_hooks.2.burn_in': 0,
        'custom_hooks.2.ramp_up': 0
    }),
}
EPOCH = dict(mouse9=800 // BATCH_SIZE, lspet=4000 // BATCH_SIZE)


def plan(iters: int, seeds: int) -> List[Run]:
    """All runs, the most telling first."""
    settings = [('mouse9', 20), ('lspet', 250), ('mouse9', 100)]
    runs = []
    for seed in range(seeds):
        for method in ('supervised', 'posedual'):
            runs += [Run(*s, method, seed, iters) for s in settings]
        if seed == 0:
            runs += [
                Run(*s, 'posedual_no_burn_in', 0, iters) for s in settings
            ]
            runs += [
                Run(*s, 'supervised_long', 0, iters * EQUAL_COMPUTE)
                for s in settings
            ]
    return runs


def make_config(run: Run, path: str) -> None:
    """Write the whole config of a run."""
    from mmengine.config import Config
    os.environ['SEMIPOSE_NUM_LABELS'] = str(run.labels)
    base, overrides = METHODS[run.method]
    cfg = Config.fromfile(
        osp.join(ROOT, 'configs', f'{base}_mobilenetv2_{run.data}.py'))
    epochs = run.iters // EPOCH[run.data]
    interval = max(1, epochs // 20)
    cfg.merge_from_dict({
        'train_cfg.max_epochs':
        epochs,
        'train_cfg.val_interval':
        interval,
        'param_scheduler.1.milestones':
        [int(run.iters * 0.7), int(run.iters * 0.9)],
        'default_hooks.checkpoint':
        dict(interval=interval, save_best=None, max_keep_ckpts=1),
        'default_hooks.logger.interval':
        25,
        **overrides
    })
    cfg.dump(path)


def train(run: Run, work_dir: str) -> dict:
    """Do a run, or what is left of it, and collect its row."""
    os.makedirs(work_dir, exist_ok=True)
    config = osp.join(work_dir, 'run.py')
    make_config(run, config)
    command = [
        sys.executable,
        osp.join(ROOT, 'tools', 'train.py'), config, '--work-dir', work_dir,
        '--seed',
        str(run.seed), '--amp', '--resume'
    ]
    code = subprocess.run(command).returncode
    if code:
        raise SystemExit(f'{run.name} failed; its log is in {work_dir}')
    curve = read_curve(work_dir)
    return dict(
        run._asdict(),
        last={
            k: v
            for k, v in curve[-1].items() if k not in ('iter', 's')
        },
        curve=curve,
        **versions())


def read_curve(work_dir: str) -> List[dict]:
    """Metrics in percent against iterations and seconds of training."""
    from plot_curves import read_curves
    return [
        dict(
            iter=point['iter'],
            s=round(point['seconds']),
            **{
                k: round(100 * v, 2)
                for k, v in point.items() if 'PCK' in k or 'AUC' in k
            }) for point in read_curves(work_dir)['val']
    ]


def versions() -> dict:
    """What a reader needs to know about the software and the day."""
    import torch

    import semipose_mm
    commit = subprocess.run(
        ['git', '-C', ROOT, 'rev-parse', '--short', 'HEAD'],
        capture_output=True,
        text=True).stdout.strip()
    return dict(
        date=time.strftime('%Y-%m-%d'),
        commit=commit,
        torch=torch.__version__,
        semipose_mm=semipose_mm.__version__,
        device='CUDA' if torch.cuda.is_available() else
        f'CPU, {torch.get_num_threads()} threads')


def load_rows() -> List[dict]:
    """Rows of the runs that have finished."""
    if not osp.exists(ROWS):
        return []
    with open(ROWS) as file:
        return json.load(file)


def save_rows(rows: List[dict]) -> None:
    """Write the rows and the page; never half a file."""
    os.makedirs(osp.dirname(ROWS), exist_ok=True)
    with open(f'{ROWS}.tmp', 'w') as file:
        json.dump(rows, file, indent=0)
        file.write('\n')
    os.replace(f'{ROWS}.tmp', ROWS)
    from evidence_page import write_page
    write_page(rows, osp.dirname(ROWS))


def main() -> None:
    """Do the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--iters', type=int, default=2000)
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--only', default='*', help='pattern of run names')
    parser.add_argument('--work-dir', default='work_dirs/evidence')
    parser.add_argument('--list', action='store_true', help='only list runs')
    args = parser.parse_args()
    if ROOT not in sys.path:
        sys.path.insert(0, ROOT)
    rows = load_rows()
    for run in plan(args.iters, args.seeds):
        done = any(
            row['data'] == run.data and all(row[k] == v
                                            for k, v in run._asdict().items())
            for row in rows)
        if args.list:
            print('done   ' if done else 'missing', run.name)
        elif not done and fnmatch.fnmatch(run.name, args.only):
            row = train(run, osp.join(args.work_dir, run.name))
            # another process may have added rows meanwhile
            rows = load_rows() + [row]
            save_rows(rows)
    if not args.list:
        save_rows(rows)


if __name__ == '__main__':
    main()
