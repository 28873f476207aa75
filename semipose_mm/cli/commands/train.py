# Copyright (c) semipose_mm authors.
"""Train a model: ``semipose train CONFIG``.

SIGUSR1 and SIGTERM end it well: all ranks stop after the same iteration and
save a checkpoint, from which ``--resume`` goes on.
"""
from semipose_mm.launch import stop_signals
from semipose_mm.launch.fast_mode import set_amp, set_fast
from semipose_mm.launch.processes import leave_processes, prepare_processes
from semipose_mm.launch.run_checks import check_weights, check_writable
from semipose_mm.launch.runner import build_runner
from ..faults import config_mistakes
from ..options import (add_common_options, check_checkpoint, load_config,
                       set_visualization)

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
        'from the last in the work folder')
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
    if args.resume is not None:
        set_resume(cfg, args.resume)
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


def shorten_init_log(model):
    """Log how parameters are initialized in a line per way, not each."""
    from mmengine.logging import print_log
    model = getattr(model, 'module', model)

    def log_summary():
        counts = dict()
        for param in model.parameters():
            info = model._params_init_info[param]['init_info'].strip()
            counts[info] = counts.get(info, 0) + 1
        for info, count in counts.items():
            print_log(
                f'Initialization of {count} parameters: {info}',
                logger='current')

    # MMEngine calls it at the end of init_weights
    model._dump_init_info = log_summary


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


def run(parser, args):
    """Train."""
    stop_signals.end_at_once()
    check_args(parser, args)
    cfg = load_config(parser, args)
    merge_args(parser, args, cfg)
    prepare_processes(cfg)
    with config_mistakes(parser, args.config, 'built'):
        runner = build_runner(cfg)
        shorten_init_log(runner.model)
        # both loops read their data when they are built
        stop_on_signals(runner)
        if cfg.get('val_cfg'):
            runner.val_loop
    runner.train()
    leave_processes()
