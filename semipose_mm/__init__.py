# Copyright (c) semipose_mm authors.
"""Semi-supervised 2D pose estimation for MMPose 1.x.

Importing this package registers everything it offers in MMPose's own
registries, so a config needs ``custom_imports=dict(imports=['semipose_mm'])``
and nothing else of ours.
"""
import sys as _sys
from importlib import import_module as _import_module
from multiprocessing import parent_process as _parent_process
from os.path import basename as _basename

from .config_files import config_path, find_root
from .dependencies import check_dependencies
from .version import __version__

__all__ = ['__version__', 'config_path', 'find_root', 'register_all_modules']

_ROOMS = ('checkpoint', 'datasets', 'engine', 'evaluation', 'models')


def register_all_modules() -> None:
    """Register datasets, models, hooks and metrics in MMPose's registries.

    Importing the package does it, but for the command ``semipose``, which
    answers ``--help`` at once.

    Raises:
        ImportError: If a package that is needed is missing.
    """
    check_dependencies()
    for room in _ROOMS:
        _import_module(f'{__name__}.{room}')


def _is_command() -> bool:
    """Whether the running program is ours, which registers when it must."""
    asked = _sys.orig_argv[1:]
    by_module = '-m' in asked and asked[asked.index('-m') +
                                        1:][:1] == [__name__]
    by_name = _basename(_sys.argv[0]) == 'semipose' if _sys.argv else False
    # what a command starts may be anything
    return (by_module or by_name) and _parent_process() is None


if not _is_command():
    register_all_modules()
