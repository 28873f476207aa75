# Copyright (c) semipose_mm authors.
"""All checks of a config's data, and those between its parts."""
from typing import Optional, Union

from mmengine.config import Config
from mmengine.registry import init_default_scope

from semipose_mm import register_all_modules
from .evaluation import check_metrics
from .images import Folders, check_images
from .keypoints import check_keypoints
from .overlap import compare_parts
from .parts import ROLES, Parts, reason
from .reading import read_part
from .report import Report, Section
from .using import Files


def check_data(cfg: Union[Config, str],
               images: Optional[int] = 200,
               seed: int = 0) -> Report:
    """Check all data that a config reads.

    Args:
        cfg (Config | str): The config, or its file.
        images (int, optional): How many images of each part are opened and
            compared with those of the evaluation. Defaults to 200; 0 opens
            none, None opens all.
        seed (int): Seed of the choice of these images. Defaults to 0.

    Returns:
        Report: What was found; ``print(*report.lines(), sep='\\n')`` shows
        it, ``report.errors`` is empty if a training can begin.
    """
    register_all_modules()
    if isinstance(cfg, str):
        cfg = Config.fromfile(cfg)
    init_default_scope('mmpose')
    parts, files, folders = Parts(cfg), Files(), Folders()
    for part in parts.parts:
        try:
            others = read_part(part, files)
            check_images(part, others, folders, images, seed)
        except Exception as error:  # a file may hold anything
            _say_early(part.section, error)
    keypoints, evaluation, overlap = between = [
        Section('keypoints', 'metainfo, model.head'),
        Section('evaluation', 'files of the metrics'),
        Section('overlap', 'images in common')
    ]
    checks = ((keypoints, check_keypoints, cfg,
               parts), (evaluation, check_metrics, cfg, parts, files),
              (overlap, compare_parts, parts, files, folders, images, seed))
    for section, check, *args in checks:
        try:
            check(*args, section)
        except Exception as error:
            _say_early(section, error)
    shown = sorted(
        parts.sections.values(),
        key=lambda one: ROLES.index(one.name.split('[')[0]))
    return Report(shown + [one for one in between if one.findings])


def _say_early(section: Section, error: Exception) -> None:
    """Report what no check expected."""
    section.error('early', 'the checks', 'ended early: '
                  f'{type(error).__name__}: {reason(error)}')
