# Copyright (c) semipose_mm authors.
"""Check before a long run what a config reads.

The report has a line for each check, marked ok, note, warning or ERROR.
The exit status is 1 if there was an error, 2 for a wrong call, else 0.
"""
import argparse
import sys

from ...options import add_config_options, load_config


def number_of_images(text):
    """Parse --images: None stands for all."""
    if text == 'all':
        return None
    if not text.isdigit():
        raise argparse.ArgumentTypeError(
            f"is {text}, but must be a whole number or 'all'")
    return int(text)


def add_options(parser):
    """Add the options."""
    from mmengine.config import DictAction
    parser.add_argument('config', help='config file')
    add_config_options(parser)
    parser.add_argument(
        '--images',
        type=number_of_images,
        default=200,
        metavar='N|all',
        help='images of each part that are opened and compared with those of '
        'the evaluation; 0 opens none. Defaults to 200')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of the choice of these images. Defaults to 0')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override entries of the config')
    # what load_config wants to know; nothing is launched
    parser.set_defaults(launcher='none', local_rank=0, work_dir=None)


def run(parser, args):
    """Check the data of a config."""
    cfg = load_config(parser, args)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    from semipose_mm.data_check import check_data
    report = check_data(cfg, args.images, args.seed)
    print(*report.lines(), sep='\n')
    sys.exit(1 if report.errors else 0)
