# Copyright (c) semipose_mm authors.
"""Train both runs, draw their peaks, and say whether the alarm was right."""
import argparse
import os
import os.path as osp
import re
import subprocess
import sys
from glob import glob
from typing import Dict, List, Optional

from semipose_mm.analysis.plot_curves import last_metrics, read_curves

PROJECT = osp.dirname(osp.abspath(__file__))
ROOT = osp.dirname(osp.dirname(PROJECT))

#: Config to its title in the figure.
RUNS = dict(
    posecons='PoseCons: easy teaches hard',
    collapsing='equally hard, gradient through both')
#: Run, logged key, what it is and style of the figure's lines.
LINES = (
    ('posecons', 'net0/peak_labeled', 'labeled', '--'),
    ('posecons', 'net0/peak_unlabeled', 'unlabeled, easy view', '-'),
    ('posecons', 'net0/peak_hard', 'unlabeled, hard views', '-.'),
    ('collapsing', 'net0/peak_labeled', 'labeled', '--'),
    ('collapsing', 'net0/peak_unlabeled', 'unlabeled, hard views', '-'),
)
COLORS = dict(posecons='tab:blue', collapsing='tab:red')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Let one network collapse and another one not')
    parser.add_argument(
        '--work-dir',
        default='work_dirs/collapse',
        help='folder for pictures and runs; what is finished there is not '
        'done again. Defaults to work_dirs/collapse')
    parser.add_argument('--seed', type=int, default=0, help='Defaults to 0')
    parser.add_argument(
        '--figure',
        default=osp.join(PROJECT, 'collapse.png'),
        help='picture to write. Defaults to collapse.png in the project')
    return parser.parse_args()


def prepare_people(folder: str) -> None:
    """Generate the pictures unless they are there."""
    script = osp.join(ROOT, 'projects', 'synthetic_people', 'generate.py')
    counts = ['--labeled', '60', '--unlabeled', '600', '--val', '120']
    subprocess.run([sys.executable, script, folder, *counts], check=True)


def train(name: str, work_dir: str, seed: int, people: str) -> None:
    """Train a config of the project, or what is left of it.

    Args:
        name (str): Name of the config.
        work_dir (str): Work folder of the run.
        seed (int): Random seed.
        people (str): Folder of the generated pictures.
    """
    done = osp.join(work_dir, 'finished')
    if osp.isfile(done):
        print(f'{name}: finished before, see {work_dir}', flush=True)
        return
    print(f'{name}: training, log in {work_dir}', flush=True)
    path = os.pathsep.join(
        p for p in (PROJECT, os.environ.get('PYTHONPATH')) if p)
    command = [
        sys.executable,
        osp.join(ROOT, 'tools', 'train.py'),
        osp.join(PROJECT, 'configs', f'{name}.py'), '--work-dir', work_dir,
        '--seed',
        str(seed), '--resume'
    ]
    env = dict(os.environ, PYTHONPATH=path, SEMIPOSE_OWN=people)
    subprocess.run(command, check=True, env=env)
    open(done, 'w').close()


def find_alarms(work_dir: str) -> List[int]:
    """Iterations at which MutualTeachingHook called a collapse, in order."""
    found = set()
    for path in glob(osp.join(work_dir, '*', '*.log')):
        with open(path) as file:
            found.update(
                re.findall(r'Collapse at iteration (\d+)', file.read()))
    return sorted(map(int, found))


def judge(alarms: Dict[str, List[int]]) -> Optional[str]:
    """What is not as it should be, or ``None``.

    Args:
        alarms (dict): Name of a run to the iterations of its alarms.
    """
    if not alarms['collapsing']:
        return 'the alarm did not ring for the collapsing run'
    if alarms['posecons']:
        return ('the alarm rang for PoseCons at iteration '
                f'{alarms["posecons"][0]}')
    return None


def draw(folders: Dict[str, str], alarms: Dict[str, List[int]],
         path: str) -> None:
    """Draw peak heights of the runs against iterations.

    Args:
        folders (dict): Name of a run to its work folder.
        alarms (dict): Name of a run to the iterations of its alarms.
        path (str): Picture to write.
    """
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    figure, axis = plt.subplots(figsize=(7, 4.2))
    logs = {name: read_curves(folders[name])['train'] for name in RUNS}
    for name, key, kind, style in LINES:
        points = [p for p in logs[name] if key in p]
        axis.plot([p['iter'] for p in points], [p[key] for p in points],
                  style,
                  color=COLORS[name],
                  label=f'{RUNS[name]}: {kind}')
    for name in RUNS:
        if not alarms[name]:
            continue
        axis.axvline(alarms[name][0], color=COLORS[name], lw=1, ls=':')
        axis.annotate(
            f'alarm at {alarms[name][0]}', (alarms[name][0], 0.02),
            xycoords=('data', 'axes fraction'),
            xytext=(4, 0),
            textcoords='offset points',
            color=COLORS[name])
    axis.set(xlabel='iteration', ylabel='mean peak of heatmaps')
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(
        fontsize=7, ncol=2, loc='lower center', bbox_to_anchor=(0.5, 1))
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def report(name: str, work_dir: str, alarms: List[int]) -> None:
    """Print how a run ended."""
    last = read_curves(work_dir)['train'][-1]
    rang = f'rang at iteration {alarms[0]}' if alarms else 'did not ring'
    print(f'{name}: after {last["iter"]} iterations peaks of '
          f'{last["net0/peak_labeled"]:.3f} labeled, '
          f'{last["net0/peak_unlabeled"]:.3f} unlabeled, '
          f'{last["net0/peak_hard"]:.3f} on hard views, PCK@0.2 '
          f'{last_metrics(work_dir)["PCK@0.2"]:.3f}; the alarm {rang}')


def main() -> None:
    """Train, draw and judge."""
    args = parse_args()
    work_dir = osp.abspath(args.work_dir)
    people = osp.join(work_dir, 'people')
    prepare_people(people)
    folders = {name: osp.join(work_dir, name) for name in RUNS}
    for name, folder in folders.items():
        train(name, folder, args.seed, people)
    alarms = {name: find_alarms(folder) for name, folder in folders.items()}
    draw(folders, alarms, args.figure)
    for name, folder in folders.items():
        report(name, folder, alarms[name])
    print(f'{args.figure} is written')
    wrong = judge(alarms)
    if wrong:
        sys.exit(f'run.py: {wrong}')
    print('As it should be: the alarm rang for the one, not for the other.')


if __name__ == '__main__':
    main()
