# Copyright (c) semipose_mm authors.
"""Compare trainings: tables and curves over their work folders.

Runs whose names differ in ``seed<N>`` only are one group, of which mean and
standard deviation are given.
"""
import re


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'work_dirs', nargs='+', metavar='WORK_DIR', help='work folders')
    parser.add_argument(
        '--keys',
        nargs='+',
        metavar='METRIC',
        help='metrics to show. Defaults to AP, PCK and AUC; the csv and json '
        'files hold all')
    parser.add_argument(
        '--group',
        default='auto',
        metavar='auto|none|REGEX',
        help='what to leave out of the names of runs to find the runs that '
        'belong together. Defaults to auto, which is seed<N>')
    parser.add_argument(
        '--axis',
        choices=['iterations', 'compute'],
        default='iterations',
        help='what curves are drawn against; compute is passes of an image '
        'through a network, forward and backward. Defaults to iterations')
    parser.add_argument(
        '--labels',
        metavar='FOLDER',
        help='folder that semipose import has written: also say how many '
        'labels each run had, whether they share the held-out part, and how '
        'scores differ from those of the first run')
    parser.add_argument(
        '--out-dir',
        default='compare_runs',
        help='folder for runs.md, runs.csv, runs.json and curves.png. '
        'Defaults to compare_runs')


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    try:
        re.compile(args.group)
    except re.error as error:
        parser.error(f'--group is {args.group}, which is no regular '
                     f'expression: {error}')


def run(parser, args):
    """Compare the runs of the command line."""
    check_args(parser, args)
    from semipose_mm.analysis.compare_runs import compare
    try:
        text, files = compare(args.work_dirs, args.keys, args.group,
                              args.out_dir, args.axis, args.labels)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    print(text)
    print(f'\nWritten to {args.out_dir}:', ', '.join(files))
