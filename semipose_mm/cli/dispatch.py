# Copyright (c) semipose_mm authors.
"""``semipose COMMAND [options]``.

A command is a module with ``add_options(parser)`` and ``run(parser, args)``,
which is imported when it is called, so that help costs nothing.
"""
import argparse
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Optional, Sequence

from ..launch.processes import end_process
from ..launch.quiet import ignore_needless
from ..version import __version__
from .faults import one_line
from .parser import ToolParser

#: What each command does, and the module of ``commands`` that it is.
COMMANDS = {
    'train': ('runs.train', 'train a pose estimator'),
    'test': ('runs.test', 'test a checkpoint'),
    'predict': ('runs.predict', 'predict videos and images'),
    'pseudo':
    ('runs.pseudo', 'make pseudo-labels and train a fresh network on them'),
    'import':
    ('data.import_labels', 'import labels of DeepLabCut, SLEAP and others'),
    'config':
    ('data.config', 'make the config of a training on your own data'),
    'check': ('data.check', 'check the data that a config reads'),
    'subset': ('data.subset', 'choose labeled subsets of an annotation file'),
    'label-next': ('data.label_next', 'choose the frames to label next'),
    'frames': ('data.frames', 'choose frames of videos as unlabeled images'),
    'detect': ('data.detect', 'find boxes in unlabeled images'),
    'browse': ('data.browse', 'draw a training batch and what is taught'),
    'plot curves':
    ('runs.plot_curves', 'draw losses and metrics of trainings'),
    'plot predictions': ('runs.plot_predictions',
                         'draw the truth and the predictions'),
    'video-metrics': ('runs.video_metrics',
                      'measure predictions on a video without labels'),
    'report': ('runs.report', 'report a training as one html page'),
    'compare': ('runs.compare', 'compare trainings: tables and curves'),
    'export': ('weights.export', 'export one network as MMPose alone uses it'),
    'convert': ('weights.convert',
                'convert the weights that the authors released'),
    'env': ('runs.env',
            'print the versions of everything, and where configs lie'),
    'quickstart': ('runs.quickstart',
                   'train with and without unlabeled images'),
}

# Variables by which a user says how threads wait. By default they spin, which
# takes the core from the thread that they wait for if a program runs beside.
WAITING = {'OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME'}


def find_module(command: str) -> ModuleType:
    """Import the module of a command.

    Args:
        command (str): One of :data:`COMMANDS`.

    Returns:
        ModuleType: The module.
    """
    return import_module(f'{__package__}.commands.{COMMANDS[command][0]}')


def build_parser(command: str) -> ToolParser:
    """Build the parser of a command.

    Args:
        command (str): One of :data:`COMMANDS`.

    Returns:
        ToolParser: The parser.
    """
    module = find_module(command)
    text = module.__doc__.strip()
    parser = ToolParser(
        prog=f'semipose {command}',
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_options(parser)
    return parser


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run a command.

    Args:
        argv (Sequence[str], optional): Its name and options. Defaults to
            None, those of the process.
    """
    # read by torch when it is imported
    if not os.environ.keys() & WAITING:
        os.environ['OMP_WAIT_POLICY'] = 'passive'
    ignore_needless()
    argv = list(sys.argv[1:] if argv is None else argv)
    for length in (2, 1):
        command = ' '.join(argv[:length])
        if command in COMMANDS and len(argv) >= length:
            parser = build_parser(command)
            args = parser.parse_args(argv[length:])
            with one_line(parser):
                find_module(command).run(parser, args)
            return
    _refuse(argv)


def script() -> None:
    """Run the command of this process, which ends with it."""
    main()
    end_process()


def _refuse(argv: Sequence[str]) -> None:
    """Print the commands, or say that there is none such."""
    width = max(map(len, COMMANDS))
    parser = ToolParser(
        prog='semipose',
        usage='semipose COMMAND [options]',
        description='Semi-supervised 2D pose estimation for MMPose.',
        epilog='\n'.join([
            'commands (semipose COMMAND --help lists their options):',
            *(f'  {name:{width}}  {text}'
              for name, (_, text) in COMMANDS.items())
        ]),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--version', action='version', version=f'semipose_mm {__version__}')
    parser.add_argument('command', help=argparse.SUPPRESS)
    args = parser.parse_args(argv[:1] or ['--help'])
    names = sorted({name.split()[0] for name in COMMANDS})
    text = args.command
    if text in names:  # the first of two words
        names = [name for name in COMMANDS if name.startswith(f'{text} ')]
        text = ' '.join(argv[:2])
    parser.error(f'there is no command {text}; there are {", ".join(names)}')
