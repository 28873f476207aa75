# Copyright (c) semipose_mm authors.
"""Measure supervised and semi-supervised training at equal compute.

python dev/evidence/evidence.py [--only PATTERN] [--list]

Does the runs that are missing, each with one thread, and adds their
rows to docs/results.json, from which docs/results.md is written anew. A
run that was cut off goes on from its last checkpoint. Several processes
share the work. The last checkpoint counts. It is scored on labels that
choose (what the methods are), and on those that are reported.
"""
import argparse
import fcntl
import fnmatch
import json
import multiprocessing
import os
import os.path as osp
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Iterator, List

from evidence_settings import Run, plan

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
ROWS = osp.join(ROOT, 'docs', 'results.json')
#: What of a config makes a run.
TRAINED = ('model', 'train_dataloader', 'custom_hooks', 'train_cfg',
           'optim_wrapper', 'param_scheduler', 'load_from')
#: Of the code that this process has imported.
COMMIT = subprocess.run(['git', '-C', ROOT, 'describe', '--always', '--dirty'],
                        capture_output=True,
                        text=True).stdout.strip()


@contextmanager
def locked(path: str, wait: bool) -> Iterator[bool]:
    """Hold a file's lock, so that processes share the runs."""
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    with open(path, 'a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def _train_and_test(run: Run, folder: str, log: str) -> None:
    """What the process of a run does; it has imported everything."""
    from evidence_config import make_config

    from semipose_mm.cli import main
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    config = osp.join(folder, 'run.py')
    cfg = make_config(run, config, osp.dirname(folder))
    refuse_another(folder, cfg)
    iters = cfg.train_cfg.max_iters
    last = osp.join(folder, f'iter_{iters}.pth')
    common = ['--work-dir', folder]
    if not osp.exists(last):
        main(['train', config, *common, '--seed', str(run.seed), '--resume'])
    if not osp.exists(last):
        sys.exit(f'{run.name} was stopped')
    for name, loader in (('choose', cfg.val_dataloader),
                         ('test', cfg.test_dataloader)):
        if loader is None:
            continue
        scored = osp.join(folder, f'{name}.py')
        cfg.test_dataloader = loader
        cfg.dump(scored)
        main([
            'test', scored, last, *common, '--out',
            osp.join(folder, f'{name}.json')
        ])


def refuse_another(folder: str, cfg: dict) -> None:
    """Refuse a folder whose run was another one: a method has changed.

    Args:
        folder (str): Folder of a run, where ``plan.json`` says what it is.
        cfg (dict): Config of the run.

    Raises:
        SystemExit: If what is trained differs, or is not told.
    """
    from semipose_mm.evaluation import write_text
    path = osp.join(folder, 'plan.json')
    now = json.dumps({key: cfg.get(key) for key in TRAINED}, sort_keys=True)
    if osp.exists(path):
        with open(path) as file:
            known = file.read() == now
    else:
        known = not any(name.endswith('.pth') for name in os.listdir(folder))
    if not known:
        sys.exit(f'{folder} has a run that trains otherwise: remove it to '
                 'begin anew')
    write_text(path, now)


def train(run: Run, folder: str) -> dict:
    """Do a run, or what is left of it, and collect its row."""
    os.makedirs(folder, exist_ok=True)
    log, spent = (
        osp.join(folder, name) for name in ('output.txt', 'cpu_seconds.txt'))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = multiprocessing.get_context('fork').Process(
        target=_train_and_test, args=(run, folder, log))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:
        process.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = sum(
        getattr(after, key) - getattr(before, key)
        for key in ('ru_utime', 'ru_stime'))
    with open(spent, 'a') as file:
        file.write(f'{used:.0f}\n')
    if process.exitcode:
        raise SystemExit(f'{run.name} failed; its log is {log}')
    with open(spent) as file:
        seconds = sum(map(int, file))
    from mmengine.config import Config
    cfg = Config.fromfile(osp.join(folder, 'run.py'))
    return dict(
        run._asdict(),
        iterations=cfg.train_cfg.max_iters,
        cpu_seconds=seconds,
        **{name: _scores(cfg, folder, name)
           for name in ('choose', 'test')},
        date=time.strftime('%Y-%m-%d'),
        commit=COMMIT,
        torch=__import__('torch').__version__)


def _scores(cfg: object, folder: str, name: str) -> dict:
    """Scores in percent by network."""
    from semipose_mm.evaluation import split_networks
    path = osp.join(folder, f'{name}.json')
    if not osp.exists(path):
        return {}
    with open(path) as file:
        metrics = json.load(file)
    selected = (cfg.model.get('test_cfg') or {}).get('network', 0)
    selected = selected if isinstance(selected, str) else f'net{selected}'
    return {
        network: {
            key: round(100 * value, 2)
            for key, value in scores.items() if 'time' not in key
        }
        for network, scores in split_networks(
            metrics, selected, list(cfg.model.teachers)).items()
    }


def load_rows() -> List[dict]:
    """Rows of the runs that have finished."""
    if not osp.exists(ROWS):
        return []
    with open(ROWS) as file:
        return json.load(file)


def save_rows(rows: List[dict]) -> None:
    """Write the rows and the page; never half a file."""
    from evidence_page import write_page

    from semipose_mm.evaluation import write_text
    lines = ',\n'.join(json.dumps(row) for row in rows)
    write_text(ROWS, f'[\n{lines}\n]\n')
    write_page(rows, osp.dirname(ROWS))


def is_done(run: Run) -> bool:
    """Whether a run has its row."""
    return any(
        all(row[k] == v for k, v in run._asdict().items())
        for row in load_rows())


def do(run: Run, work_dir: str) -> None:
    """Do a run and add its row, unless another process is at it."""
    with locked(osp.join(work_dir, f'{run.name}.lock'), wait=False) as mine:
        if not mine or is_done(run):
            return
        row = train(run, osp.abspath(osp.join(work_dir, run.name)))
        with locked(osp.join(work_dir, 'rows.lock'), wait=True):
            save_rows(load_rows() + [row])


def main() -> None:
    """Do the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument(
        '--only',
        nargs='+',
        help='patterns of run names, also of trials. Defaults to the table')
    parser.add_argument('--work-dir', default='work_dirs/evidence')
    parser.add_argument('--list', action='store_true', help='only list runs')
    args = parser.parse_args()
    runs = plan(args.seeds, trials=args.only is not None)
    if not args.list:
        os.environ['OMP_NUM_THREADS'] = '1'
        sys.path.insert(0, ROOT)
        import torch

        from semipose_mm import register_all_modules
        torch.set_num_threads(1)
        register_all_modules()
    for pattern in args.only or ['*']:
        chosen = [run for run in runs if fnmatch.fnmatch(run.name, pattern)]
        if not chosen:
            parser.error(f'--only: no run is named {pattern}')
        for run in chosen:
            if args.list:
                print('done   ' if is_done(run) else 'missing', run.name)
            else:
                do(run, args.work_dir)
    if not args.list:
        save_rows(load_rows())


if __name__ == '__main__':
    main()
