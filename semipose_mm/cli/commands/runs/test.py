# Copyright (c) semipose_mm authors.
"""Test a model: ``semipose test CONFIG CHECKPOINT``.

docs/evaluation.md has commands for the usual protocols.
"""
import os
import os.path as osp
import shutil
import time

from semipose_mm.launch import testing
from semipose_mm.launch.checkpoint_fit import check_fit
from semipose_mm.launch.processes import leave_processes, prepare_processes
from semipose_mm.launch.quiet import hush_coco
from semipose_mm.launch.run_checks import check_writable
from semipose_mm.launch.runner import build_runner
from ...options import (add_common_options, check_checkpoint, load_config,
                        set_visualization)


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--network',
        metavar='0|1|...|TEACHER|ensemble',
        help='the network whose scores have plain names, and whose '
        'predictions are drawn: a number, a name in model.teachers, or '
        'ensemble. It is scored beside those in test_cfg.networks. Defaults '
        'to model.test_cfg.network')
    parser.add_argument(
        '--boxes',
        metavar='gt|FILE',
        help='boxes of the annotations, or detections in a json file. '
        'Defaults to what the config has')
    parser.add_argument(
        '--flip-test',
        choices=['on', 'off'],
        help='whether to average heatmaps with those of the mirrored image. '
        'Defaults to model.test_cfg.flip_test')
    parser.add_argument(
        '--format-only',
        action='store_true',
        help='write the predictions for an evaluation server, without scores')
    parser.add_argument(
        '--out-dir',
        help='folder for scores and predictions, a file of each for every '
        'network. Defaults to results in the work folder')
    parser.add_argument(
        '--out', help='file for all scores (.json, .yaml or .pkl)')
    parser.add_argument(
        '--dump',
        help='file for the predictions (.pkl); those of the other networks '
        'get the name of the network appended')
    parser.add_argument(
        '--badcase',
        action='store_true',
        help='collect the worst samples with default_hooks.badcase')
    add_common_options(parser)


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    check_checkpoint(parser, args.checkpoint)
    if args.format_only and args.out is not None:
        parser.error('--format-only computes no scores for --out')
    for option, value, endings in (('--out', args.out,
                                    ('.json', '.yaml', '.yml', '.pkl',
                                     '.pickle')), ('--dump', args.dump,
                                                   ('.pkl', '.pickle'))):
        if value is not None and osp.splitext(value)[1] not in endings:
            parser.error(f'{option} is {value}, but must end in '
                         f'{" or ".join(endings)}')


def merge_args(parser, args, cfg):
    """Write the options into the config."""
    cfg.load_from = args.checkpoint
    # first, as options below turn a single metric into a list
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if args.network is not None:
        testing.set_network(parser, args.network, cfg)
    if args.flip_test is not None:
        testing.set_flip_test(args.flip_test, cfg)
    if args.boxes is not None:
        testing.set_boxes(parser, args.boxes, cfg)
    if args.format_only:
        testing.set_format_only(parser, cfg)
    if args.boxes is not None or args.format_only:
        testing.check_data(parser, cfg)
    set_visualization(parser, args, cfg, args.show and not args.badcase)
    if args.badcase:
        set_badcase(parser, args, cfg)
    args.out_dir = args.out_dir or osp.join(cfg.work_dir, 'results')
    check_writable(parser, 'work_dir', cfg.work_dir)
    check_writable(parser, '--out-dir', args.out_dir)
    testing.set_outputs(cfg, args.out_dir)
    if args.dump is not None:
        dump = dict(type='DumpResults', out_file_path=args.dump)
        testing.set_metrics(cfg, testing.metrics_of(cfg) + [dump])


def set_badcase(parser, args, cfg):
    """Turn the analysis of bad cases on."""
    hook = cfg.get('default_hooks', {}).get('badcase')
    if hook is None:
        parser.error('--badcase needs default_hooks.badcase='
                     "dict(type='BadCaseAnalysisHook') in the config")
    hook.update(enable=True, show=args.show, interval=args.interval)
    if args.show:
        hook.wait_time = args.wait_time
    kind = hook.get('metric_type', 'loss')
    if kind not in ('loss', 'accuracy'):
        parser.error(f'default_hooks.badcase.metric_type is {kind}, but must '
                     'be loss or accuracy')
    if not hook.get('metric'):
        hook.metric = cfg.model.head.loss if kind == 'loss' else \
            cfg.test_evaluator


def report(args, cfg, metrics):
    """Write the scores of each network and print them side by side."""
    import mmengine

    from semipose_mm.evaluation import score_table, split_networks, write_json
    from semipose_mm.files import whole_files
    if args.out is not None:
        with whole_files(args.out) as (part, ):
            mmengine.dump(metrics, part)
    about = dict(
        config=args.config,
        checkpoint=args.checkpoint,
        boxes=cfg.test_dataloader.dataset.get('bbox_file') or 'gt',
        flip_test=(cfg.model.get('test_cfg') or {}).get('flip_test', False),
        cfg_options=args.cfg_options or {},
        date=time.strftime('%Y-%m-%dT%H:%M:%S'))
    scores = split_networks(metrics, testing.selected_network(cfg),
                            list(cfg.model.get('teachers') or ()))
    for name, values in scores.items():
        write_json(
            osp.join(args.out_dir, f'{name}.json'),
            dict(network=name, scores=values, **about))
    unfinished = osp.join(args.out_dir, testing.UNFINISHED)
    predictions = sorted(os.listdir(unfinished)) if osp.isdir(unfinished) \
        else []
    for name in predictions:
        os.replace(osp.join(unfinished, name), osp.join(args.out_dir, name))
    if scores:
        print('\n' + score_table(scores))
    files = [f'{name}.json' for name in scores] + predictions
    if files:
        print(f'\nWritten to {args.out_dir}:', ', '.join(files))


def run(parser, args):
    """Test."""
    check_args(parser, args)
    cfg = load_config(parser, args)
    merge_args(parser, args, cfg)
    prepare_processes(cfg)
    hush_coco()
    runner = build_runner(cfg)
    check_fit(parser, args, cfg, runner.model)
    from mmengine.dist import is_main_process
    try:
        metrics = runner.test()
        if is_main_process():
            report(args, cfg, metrics)
    finally:
        if is_main_process():
            shutil.rmtree(
                osp.join(args.out_dir, testing.UNFINISHED), ignore_errors=True)
    leave_processes()
