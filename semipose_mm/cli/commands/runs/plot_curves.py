# Copyright (c) semipose_mm authors.
"""Draw losses and metrics of trainings against iterations."""
import os.path as osp


def add_options(parser):
    """Add the options."""
    parser.add_argument('work_dirs', nargs='+', help='work folders')
    parser.add_argument(
        '--keys', nargs='+', default=['loss'], help='what to draw')
    parser.add_argument('--out', default='curves.png', help='picture')


def run(parser, args):
    """Draw the runs of the command line."""
    from semipose_mm.analysis.plot_curves import plot
    try:
        plot({osp.basename(osp.normpath(d)): d
              for d in args.work_dirs}, args.keys, args.out)
    except FileNotFoundError as error:
        parser.error(str(error))
    print(f'{args.out} is written')
