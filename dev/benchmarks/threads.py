# Copyright (c) semipose_mm authors.
"""Time trainings with fixed numbers of threads and with the one they find.

python dev/benchmarks/threads.py CONFIG [--hog N] [--iters N] ...

Runs ``semipose train`` on the data of the config in turns. All iterations
count, also those of the search. With ``--hog`` other programs keep some cores
busy meanwhile.
"""
import argparse
import glob
import os
import os.path as osp
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional

from end_to_end import train
from measuring import in_turns, ratios, report, spread

FOUND = 'found'


def parse_args() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(
        description='Time fixed numbers of threads against the search')
    parser.add_argument('config', help='config file')
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        '--threads',
        type=int,
        nargs='+',
        default=sorted({1, cores}),
        help='fixed numbers. Defaults to 1 and all cores')
    parser.add_argument(
        '--hog',
        type=int,
        default=0,
        metavar='N',
        help='busy programs beside, each on a core. Defaults to 0')
    parser.add_argument(
        '--iters',
        type=int,
        default=200,
        help='iterations of a training. Defaults to 200')
    parser.add_argument(
        '--turns',
        type=int,
        default=3,
        help='trainings with each. Defaults to 3')
    parser.add_argument('--workers', type=int, help='those of the loader')
    parser.add_argument('--batch', type=int, help='the batch size')
    parser.add_argument('--out', help='json file of the results')
    args = parser.parse_args()
    if not 0 <= args.hog <= cores:
        parser.error(f'--hog is {args.hog}, but must be 0 to {cores}')
    # what end_to_end.py takes besides
    args.warm_up, args.train = 0, []
    return args


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """Keep cores busy.

    Args:
        count (int): How many; the last ones are taken.
    """
    running = []
    try:
        for core in sorted(os.sched_getaffinity(0), reverse=True)[:count]:
            program = f'import os; os.sched_setaffinity(0, [{core}])\n' \
                'while True: pass'
            running.append(subprocess.Popen([sys.executable, '-c', program]))
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


class Trainings:
    """Trainings that are timed.

    Args:
        args (Namespace): The options.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        #: Mean seconds of an iteration, and numbers found, of each training.
        self.seconds: Dict[str, List[float]] = {}
        self.found: List[List[int]] = []

    def run(self, threads: Optional[int] = None) -> None:
        """Train once.

        Args:
            threads (int, optional): A fixed number. Defaults to None, the
                search
        """
        env = dict(os.environ)
        env.pop('OMP_NUM_THREADS', None)
        if threads is not None:
            env['OMP_NUM_THREADS'] = str(threads)
        with tempfile.TemporaryDirectory() as work_dir:
            lines = train(self.args, work_dir, env)
            path, = glob.glob(osp.join(work_dir, '*', '*.log'))
            with open(path) as file:
                found = re.findall(r'CPU threads: (\d+)', file.read())
        self.seconds.setdefault(str(threads or FOUND), []).append(
            sum(line['time'] for line in lines) / len(lines))
        if threads is None:
            self.found.append([int(word) for word in found])


def main() -> None:
    """Measure and report."""
    args = parse_args()
    trainings = Trainings(args)
    actions = {
        str(threads or FOUND): lambda n=threads: trainings.run(n)
        for threads in (*args.threads, None)
    }
    with hogs(args.hog):
        in_turns(actions, args.turns, warm_up=0)
    seconds = trainings.seconds
    best = min((str(n) for n in args.threads),
               key=lambda name: spread(seconds[name]).median)
    rows = [['threads', 'seconds of an iteration', f'times those of {best}']]
    for name, values in seconds.items():
        rows.append(
            [name, f'{spread(values)}', f'{ratios(values, seconds[best])}'])
    report(
        f'Threads in training {args.config}, {args.hog} busy programs beside',
        rows, dict(options=vars(args), seconds=seconds,
                   found=trainings.found), args.out)


if __name__ == '__main__':
    main()
