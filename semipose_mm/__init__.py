# Copyright (c) semipose_mm authors.
"""Semi-supervised 2D pose estimation for MMPose 1.x.

Importing this package registers everything it offers in MMPose's own
registries, so a config needs ``custom_imports=dict(imports=['semipose_mm'])``
and nothing else of ours.
"""
from .config_files import config_path
from .dependencies import check_dependencies
from .version import __version__

check_dependencies()

from . import checkpoint, datasets, engine, evaluation, models  # noqa: E402

__all__ = [
    '__version__', 'checkpoint', 'config_path', 'datasets', 'engine',
    'evaluation', 'models'
]
