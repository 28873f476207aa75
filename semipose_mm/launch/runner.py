# Copyright (c) semipose_mm authors.
"""The runner that a config asks for, and how its values are read."""
import os.path as osp
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def is_url(path: str) -> bool:
    """Whether MMEngine finds a checkpoint elsewhere than in a local file.

    Args:
        path (str): Path or URL.

    Returns:
        bool: True for ``https://...``, ``mmcls://...`` and the like.
    """
    return re.match(r'^[a-z][\w+.-]*:', path, re.IGNORECASE) is not None \
        and not osp.exists(path)


def build_runner(cfg: 'Config') -> 'Runner':
    """Build the runner that the config asks for.

    Args:
        cfg (Config): The whole config.

    Returns:
        Runner: The runner.
    """
    from mmpose.registry import RUNNERS

    from semipose_mm.engine import SemiPoseRunner
    if 'preprocess_cfg' in cfg:
        cfg.model.setdefault('data_preprocessor', cfg.preprocess_cfg)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        # zoo configs keep workers alive, which torch refuses without any
        loader = cfg.get(name)
        if loader is not None and loader.get('num_workers') == 0:
            loader.persistent_workers = False
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return SemiPoseRunner.from_cfg(cfg)
