# Copyright (c) semipose_mm authors.
"""Test a model: ``python tools/test.py CONFIG CHECKPOINT [options]``."""
import os.path as osp

from launch_options import (ToolParser, add_common_options, build_runner,
                            check_checkpoint, load_config, prepare_processes,
                            set_visualization, use_checkout)


def parse_args(parser):
    """Add the options of testing and parse them."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--network',
        metavar='0|1|...|ensemble',
        help='the network whose scores have plain names, and whose '
        'predictions are drawn; all are scored. Defaults to '
        'model.test_cfg.network')
    parser.add_argument(
        '--out', help='file for the scores (.json, .yaml or .pkl)')
    parser.add_argument(
        '--dump',
        help='file for the predictions (.pkl); those of the other networks '
        'get the name of the network appended')
    parser.add_argument(
        '--badcase',
        action='store_true',
        help='collect the worst samples with default_hooks.badcase')
    add_common_options(parser)
    args = parser.parse_args()
    check_checkpoint(parser, args.checkpoint)
    for option, value, endings in (('--out', args.out,
                                    ('.json', '.yaml', '.yml', '.pkl',
                                     '.pickle')), ('--dump', args.dump,
                                                   ('.pkl', '.pickle'))):
        if value is not None and osp.splitext(value)[1] not in endings:
            parser.error(f'{option} is {value}, but must end in '
                         f'{" or ".join(endings)}')
    return args


def merge_args(parser, args, cfg):
    """Write the options into the config."""
    cfg.load_from = args.checkpoint
    if args.network is not None:
        set_network(parser, args.network, cfg)
    set_visualization(parser, args, cfg, args.show and not args.badcase)
    if args.badcase:
        set_badcase(parser, args, cfg)
    if args.dump is not None:
        dump = dict(type='DumpResults', out_file_path=args.dump)
        metrics = cfg.test_evaluator
        metrics = list(metrics) if isinstance(metrics,
                                              (list, tuple)) else [metrics]
        cfg.test_evaluator = metrics + [dump]
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)


def set_network(parser, network, cfg):
    """Select the network that predicts."""
    count = 1 + len(cfg.model.get('peers') or [])
    if count == 1:
        parser.error('--network needs a config with model.peers, and '
                     f'{cfg.filename} has one network')
    if network not in [str(i) for i in range(count)] + ['ensemble']:
        parser.error(f'--network is {network}, but must be a number from 0 '
                     f'to {count - 1} or ensemble')
    network = int(network) if network.isdigit() else network
    cfg.merge_from_dict({'model.test_cfg': dict(network=network)})


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


def save_scores(scores, path):
    """Write the scores, on the first of several processes."""
    import mmengine
    if mmengine.dist.is_main_process():
        folder = osp.dirname(osp.abspath(path))
        mmengine.mkdir_or_exist(folder)
        mmengine.dump(scores, path)


def main():
    """Test."""
    use_checkout()
    parser = ToolParser(prog='test.py', description='Test a pose estimator')
    args = parse_args(parser)
    cfg = load_config(parser, args)
    merge_args(parser, args, cfg)
    prepare_processes(cfg)
    scores = build_runner(cfg).test()
    if args.out is not None:
        save_scores(scores, args.out)


if __name__ == '__main__':
    main()
