# Copyright (c) semipose_mm authors.
"""Train a model: ``semipose train CONFIG``.

SIGUSR1, SIGTERM and Ctrl-C end it well: all ranks stop after the same
iteration and save a checkpoint, from which ``--resume`` goes on. A second
Ctrl-C ends it at once.
"""
import os.path as osp
import shlex
from contextlib import suppress

from semipose_mm.launch import stop_signals
from semipose_mm.launch.fast_mode import set_amp, set_fast
from semipose_mm.launch.processes import leave_processes, prepare_processes
from semipose_mm.launch.quiet import hush_coco
from semipose_mm.launch.run_checks import (check_weights, check_writable,
                                           weights_of)
from semipose_mm.launch.run_options import (has_options, keep_options,
                                            take_options)
from semipose_mm.launch.runner import build_runner
from semipose_mm.launch.work_folder import (is_checkpoint_of,
                                            remove_checkpoints,
                                            used_work_folder)
from ...faults import config_mistakes
from ...options import (add_common_options, check_checkpoint, default_work_dir,
                        load_config, set_visualization)

CHECKPOINT_HOOK = 'SafeCheckpointHook'


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on with a run: from the given checkpoint, or without one '
        'from the last in the work folder, with the options that it began '
        'with; those that are given come first')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 on an accelerator, bfloat16 on CPU')
    parser.add_argument(
        '--fast',
        action='store_true',
        help='the fastest way on this machine to the same result but for '
        'rounding: channels-last, bfloat16, a fused optimizer, and compiled '
        'networks where that pays')
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not evaluate during the training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the total batch size over '
        'auto_scale_lr.base_batch_size')
    parser.add_argument('--seed', type=int, help='random seed, 0 or greater')
    parser.add_argument(
        '--watch-labels',
        action='store_true',
        help='at the end, write suspicious_labels.csv: labeled joints that '
        'were learned as wrong ones are')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='begin anew in the work folder of an earlier training, whose '
        'checkpoints are removed')
    add_common_options(parser)


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    if args.seed is not None and args.seed < 0:
        parser.error(f'--seed is {args.seed}, but must not be negative')
    if args.resume not in (None, 'auto'):
        check_checkpoint(parser, args.resume)


def merge_args(parser, args, cfg):
    """Write the options into the config."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        set_amp(parser, cfg, '--amp')
    if args.fast:
        set_fast(parser, cfg)
    if args.watch_labels:
        cfg.custom_hooks = [
            *(cfg.get('custom_hooks') or []),
            dict(type='SuspiciousLabelsHook')
        ]
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            parser.error('--auto-scale-lr needs auto_scale_lr='
                         'dict(base_batch_size=...) in the config')
        cfg.auto_scale_lr.enable = True
    if args.seed is not None:
        cfg.setdefault('randomness', dict())
        cfg.randomness.seed = args.seed
    set_visualization(parser, args, cfg, args.show)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    # a checkpoint that is named comes before one of an earlier load_from
    if args.resume is not None:
        set_resume(cfg, args.resume)
    if args.resume is None or args.resume == 'auto' and \
            not used_work_folder(cfg.work_dir):
        check_weights(parser, cfg)
    check_writable(parser, 'work_dir', cfg.work_dir)


def set_resume(cfg, checkpoint):
    """Choose what to go on from."""
    cfg.resume = True
    if checkpoint != 'auto':
        cfg.load_from = checkpoint
    elif str(
            cfg.get('default_hooks',
                    {}).get('checkpoint',
                            {}).get('type', '')).endswith(CHECKPOINT_HOOK):
        # a run without a checkpoint begins with load_from
        cfg.resume = 'auto'
    else:
        cfg.load_from = None


def stop_on_signals(runner):
    """Let signals end the training well, if its parts know how to."""
    from semipose_mm.engine import (SafeCheckpointHook, SemiPoseTrainLoop,
                                    StopOnRequestHook)

    if isinstance(runner.train_loop, SemiPoseTrainLoop) and any(
            isinstance(hook, SafeCheckpointHook) for hook in runner.hooks):
        runner.register_hook(
            StopOnRequestHook(stop_signals.requested, stop_signals.listen))
    else:
        # stock loops would leave without a checkpoint, each rank by itself
        stop_signals.forget()


def find_work_dir(args):
    """The work folder of a run that goes on, before its options are known."""
    given = (args.cfg_options or {}).get('work_dir') or args.work_dir
    if given is not None:
        return given
    from mmengine.config import Config
    return Config.fromfile(args.config).get('work_dir') or \
        default_work_dir(args.config)


def check_work_dir(parser, args, cfg):
    """Refuse to mix a training with an earlier one."""
    found = used_work_folder(cfg.work_dir)
    if found and not cfg.get('resume') and not args.overwrite:
        parser.error(
            f'{cfg.work_dir} holds {found} of an earlier training: --resume '
            'goes on with it, --overwrite removes its checkpoints and begins '
            'anew, --work-dir DIR takes another folder')
    for key, path in weights_of(cfg) if args.overwrite else ():
        if is_checkpoint_of(path, cfg.work_dir):
            parser.error(f'{key} is {path}, which --overwrite would remove: '
                         'take another work folder')


def next_steps(config, runner):
    """The commands that look at a training that is done."""
    last = osp.join(runner.work_dir, 'last_checkpoint')
    if not osp.isfile(last) or runner.iter < runner.max_iters:
        return  # or it was stopped, which says how it goes on
    with open(last) as file:
        checkpoint = file.read().strip()
    folder = runner.work_dir
    with suppress(ValueError):  # of another drive
        checkpoint, folder = map(osp.relpath, (checkpoint, folder))
    both = f'{shlex.quote(config)} {shlex.quote(checkpoint)}'
    yield 'next:'
    if runner.cfg.get('test_cfg'):
        yield f'  semipose test {both}'
    yield f'  semipose report {shlex.quote(folder)}'
    yield f'  semipose predict {both} VIDEO|FOLDER'


def run(parser, args):
    """Train."""
    stop_signals.end_at_once()
    check_args(parser, args)
    if args.resume is not None:
        with config_mistakes(parser, args.config, 'read'):
            folder = find_work_dir(args)
            if args.resume != 'auto' and not has_options(folder):
                folder = osp.dirname(args.resume)
            taken = take_options(args, folder)
        if taken:
            print(f'--resume takes the options of the run: {" ".join(taken)}')
    cfg = load_config(parser, args)
    merge_args(parser, args, cfg)
    check_work_dir(parser, args, cfg)
    prepare_processes(cfg)
    hush_coco()
    with config_mistakes(parser, args.config, 'built'):
        runner = build_runner(cfg)
        # both loops read their data when they are built
        stop_on_signals(runner)
        if cfg.get('val_cfg'):
            runner.val_loop
    from mmengine.dist import is_main_process
    if is_main_process():
        if args.overwrite and not cfg.get('resume'):
            remove_checkpoints(cfg.work_dir)
        keep_options(args, cfg.work_dir)
    runner.train()
    if is_main_process():
        print(*next_steps(args.config, runner), sep='\n')
    leave_processes()
