# Copyright (c) semipose_mm authors.
"""Check before a long run what a config reads.

The report has a line for each check, marked ok, note, warning or ERROR.
The exit status is 1 if there was an error, 2 for a wrong call, else 0.
"""
import argparse
import sys
from collections import Counter

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


def print_report(results) -> int:
    """Print the report.

    Args:
        results (list[Result]): The findings.

    Returns:
        int: Number of errors.
    """
    for result in results:
        print(f'\n{result.name}: {result.title}'.rstrip(': '))
        for level, text in result.findings:
            print(f'  {level:<9}{text}')
    counts = Counter(f.level for r in results for f in r.findings)
    columns = ('part', 'images', 'instances', 'used', 'labeled joints',
               'errors', 'warnings')
    rows = [columns]
    for result in results:
        levels = Counter(finding.level for finding in result.findings)
        sizes = (result.images, result.instances, result.used, result.joints)
        rows.append(
            (result.name, *(f'{n:,}' if result.role else '' for n in sizes),
             str(levels['ERROR']), str(levels['warning'])))
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    print()
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:])
        ]
        print('  '.join(cells).rstrip())
    print(f'\n{counts["ERROR"]} errors, {counts["warning"]} warnings, '
          f'{counts["note"]} notes')
    return counts['ERROR']


def run(parser, args):
    """Check the data of a config."""
    cfg = load_config(parser, args)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    from mmengine.registry import init_default_scope

    from semipose_mm.data_check.run import Options, run_checks

    init_default_scope('mmpose')
    results = run_checks(cfg, Options(args.images, args.seed))
    sys.exit(1 if print_report(results) else 0)
