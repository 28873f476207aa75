# Copyright (c) semipose_mm authors.
"""Four trainings on the same few labels at equal compute, side by side.

Supervised with PoseDual's crops, supervised with crops that the labels ask
for, PoseDual, and labels_then_ema. Without ``--data`` pictures are generated.
"""
import contextlib
import os
import os.path as osp
import subprocess
import sys
import textwrap
import time
from typing import Any, Dict, List, Optional

from semipose_mm import find_root, register_all_modules
from semipose_mm.launch.quickstart_configs import (METHODS, lspet_data,
                                                   own_data, write_configs)

SEMIPOSE = (sys.executable, '-m', 'semipose_mm')
LABELS, UNLABELED, VAL = 12, 600, 120
STEPS = 4 + len(METHODS)
OURS = 'labels_then_ema'
METRIC = 'PCK@0.1'
NETWORKS = dict(net0='network 0', net1='network 1', ema0='its average')


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        '--data',
        metavar='DIR',
        help="folder with your own data in COCO's keypoint format (see "
        "README.md), or 'lspet' for Leeds Sports Pose Extended in "
        '$SEMIPOSE_DATA/lspet; by default people are generated')
    parser.add_argument(
        '--iters',
        type=int,
        default=330,
        help='iterations of the supervised trainings; the others compute as '
        'much in fewer. Defaults to 330')
    parser.add_argument('--seed', type=int, default=0, help='Defaults to 0')
    parser.add_argument(
        '--work-dir',
        default='work_dirs/quickstart',
        help='folder for everything that is written. Defaults to '
        'work_dirs/quickstart')


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    if args.iters < 50:
        parser.error(f'--iters is {args.iters}, but must be at least 50')
    if args.data not in (None, 'lspet') and not osp.isdir(args.data):
        parser.error(f'--data: folder {args.data} does not exist')


class Progress:
    """Says which step comes, and how long everything has taken."""

    def __init__(self) -> None:
        self.start = time.time()
        self.step = 0

    def next(self, title: str) -> None:
        """Announce the next step."""
        self.step += 1
        minutes, seconds = divmod(int(time.time() - self.start), 60)
        print(
            f'\n[{self.step}/{STEPS}] {title} '
            f'({minutes}:{seconds:02d} so far)',
            flush=True)


def call(command: List[str], log: str, keep: Optional[str] = None) -> None:
    """Run a command, its output in a log file.

    Args:
        command (list[str]): The command.
        log (str): File for everything it prints.
        keep (str, optional): Lines with this text are shown, shortened.

    Raises:
        SystemExit: If the command fails, with the end of its output.
    """
    lines = []
    with open(log, 'w') as file, subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True) as process:
        for line in process.stdout:
            file.write(line)
            lines = [*lines[-14:], line]
            if keep and keep in line:
                shown = line.split(keep)[1].split('data_time')[0]
                print(f'    {shown.strip()}', flush=True)
    if process.returncode:
        sys.exit(f'{"".join(lines)}quickstart: error: {command[3]} failed; '
                 f'its whole output is in {log}')


def prepare_data(args) -> Dict[str, Any]:
    """What the configs read; people are generated where no data is given."""
    if args.data == 'lspet':
        return lspet_data()
    if args.data:
        return own_data(osp.abspath(args.data))
    root = osp.abspath(osp.join(args.work_dir, 'people'))
    command = [
        sys.executable,
        str(find_root() / 'projects/synthetic_people/generate.py'), root
    ]
    for key, value in dict(
            labeled=LABELS,
            unlabeled=UNLABELED,
            val=VAL,
            seed=args.seed,
            workers=2).items():
        command += [f'--{key}', str(value)]
    subprocess.run(command, check=True)
    return dict(own_data(root), batch_size=16)


def train(args, name: str, config: str, iterations: int) -> str:
    """Train one method; returns its checkpoint."""
    folder = osp.join(args.work_dir, name)
    call([
        *SEMIPOSE, 'train', config, '--work-dir', folder, '--amp',
        '--cfg-options', f'randomness.seed={args.seed}',
        f'default_hooks.logger.interval={max(10, iterations // 14)}',
        f'default_hooks.checkpoint.interval={iterations}',
        'default_hooks.checkpoint.save_best=None',
        f'train_cfg.val_interval={-(-iterations // 4)}',
        'train_dataloader.num_workers=2'
    ], osp.join(args.work_dir, f'{name}.log'), '(train)')
    with open(osp.join(folder, 'last_checkpoint')) as file:
        return file.read().strip()


def draw(args, configs: Dict[str, str], checkpoints: Dict[str,
                                                          str]) -> List[str]:
    """Write the pictures; returns what each shows."""
    from semipose_mm.analysis.compare_runs import compare
    from semipose_mm.analysis.plot_predictions import write_predictions
    from semipose_mm.cli import main
    out = osp.join(args.work_dir, 'pictures', '')
    os.makedirs(out, exist_ok=True)
    main([
        'browse', configs[OURS], '--checkpoint', checkpoints[OURS], '--out',
        f'{out}batch.png'
    ])
    write_predictions(
        {
            METHODS[name].title: (configs[name], checkpoints[name])
            for name in ('supervised', OURS)
        }, f'{out}predictions.png')
    compare([osp.join(args.work_dir, name) for name in configs], [METRIC],
            out_dir=out,
            axis='compute')
    return [
        f'{out}batch.png: samples, easy and hard views, and what is taught',
        f'{out}predictions.png: truth, supervised and ours on new images',
        f'{out}curves.png: {METRIC} of all networks against compute'
    ]


def infer(args, config: str, checkpoint: str) -> str:
    """Run MMPose's inferencer on one image of the test data."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.apis import MMPoseInferencer
    from mmpose.registry import DATASETS
    cfg = Config.fromfile(config)
    init_default_scope('mmpose')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    inferencer = MMPoseInferencer(
        pose2d=config,
        pose2d_weights=checkpoint,
        det_model='whole_image',
        device='cpu')
    out = osp.join(args.work_dir, 'inference')
    list(
        inferencer(
            dataset.get_data_info(0)['img_path'],
            vis_out_dir=out,
            pred_out_dir=out))
    return out


def report(runs: Dict[str, dict]) -> None:
    """Print all networks side by side, and what follows from it.

    Args:
        runs (dict): Name of a method to what ``read_run`` knows of it.
    """
    from semipose_mm.evaluation.scores import network_order
    scores = {
        (name, network): {
            key: 100 * points[-1][1]
            for key, points in run['curves'][network].items()
        }
        for name, run in runs.items()
        for network in sorted(run['curves'], key=network_order)
    }
    keys = [
        key for key in ('coco/AP', METRIC, 'PCK@0.2')
        if key in scores['supervised', 'net0']
    ]
    head = ('iterations', 'passes', 'minutes', *keys)
    print(f'\n{"":28}' + ''.join(f'{name:>12}' for name in head))
    for (name, network), row in scores.items():
        title, run = METHODS[name].title, runs[name]
        if len(run['curves']) > 1:
            title += f', {NETWORKS.get(network, network)}'
        print(f'{title:28}{run["iterations"]:12}'
              f'{1e6 * run["compute"]:12,.0f}{run["minutes"]:12.1f}' +
              ''.join(f'{row[key]:12.1f}' for key in keys))
    best = max(('supervised', 'supervised_spread'),
               key=lambda name: scores[name, 'net0'][METRIC])
    gain = scores[OURS, 'net0'][METRIC] - scores[best, 'net0'][METRIC]
    beside = f'the better supervised training ({METHODS[best].title})'
    if gain > 0:
        told = (f'Ours gains {gain:+.1f} {METRIC} over {beside}. One short '
                'run with one seed is no proof; see docs/results.md.')
    else:
        told = (f'Ours did not gain ({gain:+.1f} {METRIC} beside {beside}): '
                'here the unlabeled images were not worth what their passes '
                'cost. Where they were, each label was seen 300 times and '
                'more, see docs/results.md; --iters makes this one longer.')
    for text in (
            'This compares at equal compute, which is the passes of an image '
            'through a network, forward and backward. Steps on labels alone '
            'cost least, hence the supervised trainings did more iterations. '
            'Minutes are those of the steps, as measured.', told):
        print('\n' + textwrap.fill(text, 78))


def run(parser, args):
    """Go through all steps."""
    check_args(parser, args)
    register_all_modules()
    args.work_dir = osp.abspath(args.work_dir)
    os.makedirs(args.work_dir, exist_ok=True)
    progress = Progress()
    progress.next('Data and configs')
    written = write_configs(args.work_dir, args.iters, prepare_data(args))
    configs, checkpoints = dict(), dict()
    for name, (config, iterations) in written.items():
        progress.next(f'Training {METHODS[name].title}: {iterations} '
                      'iterations')
        configs[name] = config
        checkpoints[name] = train(args, name, config, iterations)
    progress.next('Pictures')
    import torch

    # of single images, for which several threads may be slow and gain little
    torch.set_num_threads(1)
    with open(osp.join(args.work_dir, 'pictures.log'), 'w') as file, \
            contextlib.redirect_stdout(file):
        pictures = draw(args, configs, checkpoints)
    progress.next('Inference with MMPose on one image')
    with open(osp.join(args.work_dir, 'inference.log'), 'w') as file, \
            contextlib.redirect_stdout(file):
        inference = infer(args, configs[OURS], checkpoints[OURS])
    progress.next('Results')
    from semipose_mm.analysis.compare_runs import read_run
    report({name: read_run(osp.join(args.work_dir, name)) for name in configs})
    print(
        '\nPictures:',
        *pictures,
        f'{inference}: MMPose inferencer',
        sep='\n  ')
    print(f'Configs, checkpoints and logs: {args.work_dir}\n'
          'Your own data: the same command with --data DIR, in the layout '
          f'that {find_root() / "README.md"} shows.')
