# Copyright (c) semipose_mm authors.
"""Draw the truth and the predictions of one or several checkpoints.

The images are those of the first config's test data, cut to the boxes
of the annotations. Each prediction has its score below.
"""
import os.path as osp

from semipose_mm import register_all_modules
from ...options import check_checkpoint


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument(
        '--also',
        nargs='*',
        default=[],
        metavar='NAME=CONFIG:CHECKPOINT',
        help='further columns')
    parser.add_argument(
        '--title',
        default='prediction',
        help="title of the first one's column. Defaults to prediction")
    parser.add_argument(
        '--network',
        metavar='0|1|...|TEACHER|ensemble',
        help='the network that predicts: a number, a name in model.teachers, '
        'or ensemble. Defaults to model.test_cfg.network')
    parser.add_argument(
        '--order',
        choices=['first', 'best', 'worst', 'gained', 'lost'],
        default='first',
        help='the first samples of the test data, those where the mean score '
        'of the checkpoints is best or worst, or those where the last '
        'checkpoint gains or loses most against the first. Defaults to '
        'first')
    parser.add_argument(
        '--score',
        choices=['error', 'oks'],
        default='error',
        help='mean error of the annotated keypoints by the longer side of '
        'the box, or object keypoint similarity. Defaults to error')
    parser.add_argument('--num', type=int, default=8, help='images. Default 8')
    parser.add_argument(
        '--limit', type=int, help='look at the first samples only')
    parser.add_argument('--out', default='predictions.png', help='picture')
    parser.add_argument(
        '--single-dir', help='folder for a larger picture of each sample')
    parser.add_argument(
        '--device', help='where models run. Defaults to the GPU, if any')


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    for option in ('num', 'limit'):
        value = getattr(args, option)
        if value is not None and value < 1:
            parser.error(f'--{option} is {value}, but must be at least 1')
    args.models = {args.title: (args.config, args.checkpoint)}
    for entry in args.also:
        name, _, pair = entry.partition('=')
        if ':' not in pair:
            parser.error(f'--also takes NAME=CONFIG:CHECKPOINT, got {entry}')
        if name in args.models:
            parser.error(f'two columns have the title {name}; change --title '
                         'or --also')
        args.models[name] = tuple(pair.split(':', 1))
    for config, checkpoint in args.models.values():
        if not osp.isfile(config):
            parser.error(f'config file {config} does not exist')
        check_checkpoint(parser, checkpoint)


def run(parser, args):
    """Draw what the command line asks for."""
    check_args(parser, args)
    register_all_modules()
    from semipose_mm.analysis.plot_predictions import write_predictions
    try:
        samples = write_predictions(args.models, args.out, args.single_dir,
                                    args.num, args.order, args.score,
                                    args.network, args.limit, args.device)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f'{args.out} is written')
    if args.single_dir is not None:
        print(f'{samples} pictures are in {args.single_dir}')
