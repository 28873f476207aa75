# Copyright (c) semipose_mm authors.
"""Command line options and preparations that commands share."""
import argparse
import os
import os.path as osp
from typing import TYPE_CHECKING, Dict

from semipose_mm.launch.processes import check_launcher, process_count
from semipose_mm.launch.runner import is_url
from .faults import config_mistakes

if TYPE_CHECKING:
    from mmengine.config import Config

# Names of hard views in configs/_base_/posedual.py.
HARD_VIEWS = ('affine', 'cutout', 'randaug', 'randaug_cutout')
# Names of methods in configs/_base_/methods.py.
METHODS = ('multiaugs', 'multiaugs_single', 'sspcm', 'mean_teacher',
           'scarcenet_like', 'pseudo_hms_like')

# Option, the environment variables that configs read, metavar, help.
CONFIG_VARIABLES = (
    ('--data-root', ('SEMIPOSE_DATA', ), 'DIR', 'folder of the data sets'),
    ('--method', ('SEMIPOSE_METHOD', ), 'NAME',
     f'{", ".join(METHODS)}: the method of configs/methods_*.py'),
    ('--num-labels', ('SEMIPOSE_NUM_LABELS', ), 'N',
     "number of labeled samples that are used, or 'all' for COCO"),
    ('--hard', ('SEMIPOSE_HARD', ), '|'.join(HARD_VIEWS),
     'what hard views have beside the affine warp'),
    ('--gpus', ('SEMIPOSE_GPUS', ), 'N',
     'GPUs among which the iterations of a recipe are shared. Defaults to '
     'the number of processes'),
    ('--backbone-weights',
     ('SEMIPOSE_MOBILENETV2', 'SEMIPOSE_CSPNEXT_TINY', 'SEMIPOSE_RESNET18',
      'SEMIPOSE_RESNET18_PEER', 'SEMIPOSE_RESNET50', 'SEMIPOSE_RESNET101',
      'SEMIPOSE_RESNET152', 'SEMIPOSE_HRNET_W32', 'SEMIPOSE_HRNET_W48'),
     'FILE', 'initial weights of the backbones: a file, or a name such as '
     "'torchvision://resnet18'"),
    ('--peer-weights', ('SEMIPOSE_RESNET18_PEER', ), 'FILE',
     'those of the second network, if they are others'),
)


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that set what configs read from the environment.

    Args:
        parser (ArgumentParser): The tool's parser.
    """
    for option, variables, metavar, text in CONFIG_VARIABLES:
        parser.add_argument(
            option,
            metavar=metavar,
            help=f'{text}; sets {", ".join(variables)}')


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what training and testing have in common.

    Args:
        parser (ArgumentParser): The tool's parser.
    """
    from mmengine.config import DictAction
    add_config_options(parser)
    parser.add_argument('--work-dir', help='folder of logs and results')
    parser.add_argument(
        '--show-dir', help='folder for pictures of the predictions')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window')
    parser.add_argument(
        '--interval',
        type=int,
        default=1,
        help='draw every n-th sample. Defaults to 1')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=1,
        help='seconds for which a window is shown. Defaults to 1')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override entries of the config, e.g. model.head.out_channels=9 '
        'or key="[(a,b),(c,d)]", without spaces in a value')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes are started. Defaults to none')
    # torch.distributed.launch gives one or the other, torchrun neither
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS)


def load_config(parser: argparse.ArgumentParser,
                args: argparse.Namespace) -> 'Config':
    """Read the config with the options that come before it.

    Args:
        parser (ArgumentParser): Reports mistakes.
        args (Namespace): The parsed options.

    Returns:
        Config: The config, with ``work_dir`` and ``launcher`` set.
    """
    if not osp.isfile(args.config):
        parser.error(f'config file {args.config} does not exist')
    check_launcher(parser, args.launcher)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    given = dict()
    for option, variables, _, _ in CONFIG_VARIABLES:
        value = getattr(args, option[2:].replace('-', '_'))
        if value is not None:
            given[option] = variables
            value = _check_value(parser, option, value)
            os.environ.update({variable: value for variable in variables})
        for variable in variables:
            if os.environ.get(variable):
                _check_value(parser, variable, os.environ[variable])

    processes = process_count(args.launcher)
    if processes:
        # a recipe's samples do not depend on how many share them
        os.environ.setdefault('SEMIPOSE_GPUS', processes)

    from mmengine.config import Config

    from semipose_mm import register_all_modules
    register_all_modules()
    with config_mistakes(parser, args.config, 'read'):
        cfg = Config.fromfile(args.config)
    for option, variables in given.items():
        if not set(variables) & set(cfg.env_variables):
            other = ''
            if option == '--backbone-weights':
                other = '; give them by --cfg-options ' \
                    'model.backbone.init_cfg.checkpoint=FILE'
            parser.error(f'{option} has no effect: {args.config} reads none '
                         f'of {", ".join(variables)}{other}')
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(args.config)
    return cfg


def default_work_dir(config: str) -> str:
    """Folder of logs and results where neither option nor config name one.

    Args:
        config (str): The config file.
    """
    return osp.join('./work_dirs', osp.splitext(osp.basename(config))[0])


def _check_value(parser: argparse.ArgumentParser, name: str,
                 value: str) -> str:
    """Check an option or a variable that a config reads as text."""
    if name == '--data-root':
        if not osp.isdir(value):
            parser.error(f'{name}: folder {value} does not exist')
        return osp.abspath(value)
    if name in ('--num-labels', 'SEMIPOSE_NUM_LABELS') and \
            value != 'all' and not value.isdigit():
        parser.error(f"{name} is {value}, but must be a whole number or 'all'")
    if name in ('--gpus', 'SEMIPOSE_GPUS') and \
            (not value.isdigit() or int(value) < 1):
        parser.error(f'{name} is {value}, but must be a number of GPUs')
    for option, variable, names in (('--hard', 'SEMIPOSE_HARD', HARD_VIEWS),
                                    ('--method', 'SEMIPOSE_METHOD', METHODS)):
        if name in (option, variable) and value not in names:
            parser.error(f'{name} is {value}, but must be one of '
                         f'{", ".join(names)}')
    if name in ('--backbone-weights', '--peer-weights') and \
            not is_url(value):
        if not osp.isfile(value):
            parser.error(f'{name}: file {value} does not exist')
        return osp.abspath(value)
    return value


def check_checkpoint(parser: argparse.ArgumentParser, path: str) -> None:
    """Refuse a checkpoint file that does not exist.

    Args:
        parser (ArgumentParser): Reports mistakes.
        path (str): Path or URL.
    """
    if not is_url(path) and not osp.isfile(osp.expanduser(path)):
        parser.error(f'checkpoint file {path} does not exist')


def choose_device(parser: argparse.ArgumentParser,
                  args: argparse.Namespace) -> str:
    """The device of this process.

    Args:
        parser (ArgumentParser): Reports one that cannot be used.
        args (Namespace): With ``device``, None for what is there, and
            ``local_rank``.

    Returns:
        str: Such as ``'cuda:0'``.
    """
    import torch
    from mmengine.device import get_device
    if args.device is None:
        device = get_device()
        if device == 'cuda':
            device = f'cuda:{args.local_rank % torch.cuda.device_count()}'
        return device
    try:
        torch.zeros(1, device=args.device)
    except (AssertionError, RuntimeError) as error:
        parser.error(f'--device is {args.device}, which cannot be used here: '
                     f'{str(error).splitlines()[0]}')
    return args.device


def set_visualization(parser: argparse.ArgumentParser,
                      args: argparse.Namespace, cfg: 'Config',
                      show: bool) -> None:
    """Turn pictures of the predictions on, if they are asked for.

    Args:
        parser (ArgumentParser): Reports mistakes.
        args (Namespace): The parsed options.
        cfg (Config): Changed in place.
        show (bool): Whether to open windows.
    """
    if not show and args.show_dir is None:
        return
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        parser.error('--show and --show-dir need default_hooks.visualization='
                     "dict(type='PoseVisualizationHook') in the config")
    hook.update(
        enable=True, show=show, out_dir=args.show_dir, interval=args.interval)
    if show:
        hook.wait_time = args.wait_time


def write_outputs(parser: argparse.ArgumentParser, files: Dict[str,
                                                               bytes]) -> None:
    """Write all files or none.

    Args:
        parser (ArgumentParser): Reports why they cannot be written.
        files (dict[str, bytes]): Contents by path.
    """
    from semipose_mm.files import write_all
    try:
        write_all(files)
    except OSError as error:
        parser.error(f'{", ".join(files)} cannot be written: {error}')
