# Copyright (c) semipose_mm authors.
"""Supervised training and PoseDual on the same few labels, side by side.

Without ``--data`` the pictures are generated.
"""
import os
import os.path as osp
import subprocess
import sys
import time
from typing import Dict, List, Optional

from semipose_mm import find_root, register_all_modules

SEMIPOSE = (sys.executable, '-m', 'semipose_mm')
LABELS, UNLABELED, VAL = 60, 600, 120
STEPS = 6


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
        default=560,
        help='iterations of each training. Defaults to 560')
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


def prepare_data(args) -> Dict[str, str]:
    """Where the data are, and which configs read them; own data has none."""
    if args.data == 'lspet':
        return dict(family='mobilenetv2_lspet', root='')
    if args.data:
        return dict(family='', root=osp.abspath(args.data))
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
    return dict(family='res18slim_own', root=root)


def train(args, name: str, config: str) -> str:
    """Train one method; returns its checkpoint."""
    folder = osp.join(args.work_dir, name)
    interval = max(10, args.iters // 14)
    call([
        *SEMIPOSE, 'train', config, '--work-dir', folder, '--amp',
        '--cfg-options', f'randomness.seed={args.seed}',
        f'default_hooks.logger.interval={interval}'
    ], osp.join(args.work_dir, f'{name}.log'), '(train)')
    with open(osp.join(folder, 'last_checkpoint')) as file:
        return file.read().strip()


def draw(args, configs: Dict[str, str], checkpoints: Dict[str, str],
         metric: str) -> List[str]:
    """Write the pictures; returns what each shows."""
    out = osp.join(args.work_dir, 'pictures')
    os.makedirs(out, exist_ok=True)
    log = osp.join(args.work_dir, 'pictures.log')
    batch = osp.join(out, 'batch.png')
    call([
        *SEMIPOSE, 'browse', configs['posedual'], '--checkpoint',
        checkpoints['posedual'], '--out', batch
    ], log)
    predictions = osp.join(out, 'predictions.png')
    call([
        *SEMIPOSE, 'plot', 'predictions', configs['supervised'],
        checkpoints['supervised'], '--title', 'supervised', '--also',
        f'PoseDual={configs["posedual"]}:{checkpoints["posedual"]}', '--out',
        predictions
    ], log)
    from semipose_mm.analysis.plot_curves import plot
    curves = osp.join(out, 'curves.png')
    plot({name: osp.join(args.work_dir, name)
          for name in configs}, ['loss', metric], curves)
    return [
        f'{batch}: samples, easy and hard views, and what is taught',
        f'{predictions}: truth, supervised and PoseDual on new images',
        f'{curves}: training curves'
    ]


def infer(args, config: str, checkpoint: str) -> str:
    """Run MMPose's inferencer on one image of the test data."""
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.apis import MMPoseInferencer
    from mmpose.registry import DATASETS
    torch.set_num_threads(1)
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


def report(metrics: Dict[str, Dict[str, float]], metric: str) -> None:
    """Print both methods side by side, and what follows from it."""
    names = [
        key for key in ('coco/AP', 'PCK@0.1', 'PCK@0.2')
        if key in metrics['supervised']
    ]
    print(f'\n{"":28}' + ''.join(f'{name:>12}' for name in names))
    rows = [('supervised', 'supervised', ''),
            ('PoseDual, network 0', 'posedual', ''),
            ('PoseDual, network 1', 'posedual', 'net1/'),
            ('PoseDual, ensemble', 'posedual', 'ensemble/')]
    for title, method, prefix in rows:
        values = [100 * metrics[method][prefix + name] for name in names]
        print(f'{title:28}' + ''.join(f'{value:12.1f}' for value in values))
    gain = 100 * (metrics['posedual'][metric] - metrics['supervised'][metric])
    if gain > 0:
        print(f'\nNetwork 0 gains {gain:+.1f} {metric} from the unlabeled '
              'images. One short run with one seed is no proof; see '
              'docs/results.md.')
    else:
        print(f'\nPoseDual did not gain in this run ({gain:+.1f} {metric}). '
              'It needs more iterations than a supervised training, as its '
              'targets are poor at first: try a larger --iters. See '
              'docs/results.md for where the break-even lies.')


def run(parser, args):
    """Go through all steps."""
    check_args(parser, args)
    register_all_modules()
    args.work_dir = osp.abspath(args.work_dir)
    os.makedirs(args.work_dir, exist_ok=True)
    progress = Progress()
    progress.next('Data')
    data = prepare_data(args)
    from semipose_mm.launch.quickstart_configs import (own_configs,
                                                       write_configs)
    configs = write_configs(args, data) if data['family'] else own_configs(
        args, data['root'])
    checkpoints = dict()
    for name, title in (('supervised', 'Training on the labels alone'),
                        ('posedual', 'Training PoseDual: two networks, '
                         'labels and unlabeled images')):
        progress.next(title)
        checkpoints[name] = train(args, name, configs[name])
    progress.next('Pictures')
    # of single images, for which several threads may be slow and gain little
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    metric = 'PCK@0.1'
    pictures = draw(args, configs, checkpoints, metric)
    progress.next('Inference with MMPose on one image')
    inference = infer(args, configs['posedual'], checkpoints['posedual'])
    progress.next('Results')
    from semipose_mm.analysis.plot_curves import last_metrics
    report(
        {
            name: last_metrics(osp.join(args.work_dir, name))
            for name in configs
        }, metric)
    print(
        '\nPictures:',
        *pictures,
        f'{inference}: MMPose inferencer',
        sep='\n  ')
    print(f'Configs, checkpoints and logs: {args.work_dir}\n'
          'Your own data: the same command with --data DIR, in the layout '
          f'that {find_root() / "README.md"} shows.')
