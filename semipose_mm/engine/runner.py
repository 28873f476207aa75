# Copyright (c) semipose_mm authors.
"""MMEngine's runner, with a short log and a config that a run has earned."""
import logging
import os.path as osp
from typing import Any, List

import mmpose
import torch
from mmengine.device import get_device
from mmengine.dist import master_only
from mmengine.logging import MMLogger
from mmengine.runner import Runner, find_latest_checkpoint
from mmengine.utils.dl_utils import collect_env
from mmpose.registry import RUNNERS

from semipose_mm.files import write_text
from semipose_mm.models.initial_weights import (drop_initial_weights,
                                                shorten_init_log)
from semipose_mm.version import __version__
from .distributed import unwrap

#: Environment and hooks, in the folder of a run's log.
ENVIRONMENT = 'environment.txt'

# of MMEngine about itself: nobody who trains can do anything about it
_NEEDLESS = ('"FileClient" will be deprecated',
             '"HardDiskBackend" is the alias')


@RUNNERS.register_module()
class SemiPoseRunner(Runner):
    """MMEngine's ``Runner``; parameters are the same. What differs:

    - the environment and the stages of hooks are in ``environment.txt``
      beside the log, and the config in a file, not in the log;
    - the config is written into the work folder when a training begins, so
      that one which fails at its start leaves the former config there. A
      test writes it only where there is none;
    - a training that is resumed needs no initial weights.
    """

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the logger, see ``Runner``."""
        logger = super().build_logger(*args, **kwargs)
        logger.addFilter(_is_needed)
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        """Log the environment in a line, and write it to a file."""
        self._environment: List[str] = [
            f'{key}: {value}' for key, value in {
                **collect_env(),
                **env_cfg,
                **self._randomness_cfg, 'seed': self._seed,
                'launcher': self._launcher,
                'processes': self._world_size
            }.items()
        ]
        self.logger.info(
            f'semipose_mm {__version__}, mmpose {mmpose.__version__}, torch '
            f'{torch.__version__}, {get_device()}, processes: '
            f'{self._world_size} (launcher: {self._launcher}), seed '
            f'{self._seed}')
        self.logger.info(f'Config: {self._config_file}, environment: '
                         f'{osp.join(self._log_dir, ENVIRONMENT)}')

    def get_hooks_info(self) -> str:
        """Names of the hooks; the stages of each go to the file."""
        self._write_environment(super().get_hooks_info())
        return ', '.join(type(hook).__name__ for hook in self.hooks)

    @master_only
    def _write_environment(self, hooks: str) -> None:
        write_text(
            osp.join(self._log_dir, ENVIRONMENT),
            '\n'.join([*self._environment, '', hooks, '']))

    @property
    def _config_file(self) -> str:
        """Where the config is written."""
        name = self.cfg.filename
        name = osp.basename(name) if name else f'{self.timestamp}.py'
        return osp.join(self.work_dir, name)

    def dump_config(self) -> None:
        """Does nothing: it is written when a training or test begins."""

    def _init_model_weights(self) -> None:
        """Initialize the model, by files only if none is resumed from."""
        # a hook has chosen the checkpoint; MMEngine would look for one now
        if self._resume and (self._load_from is not None
                             or find_latest_checkpoint(self.work_dir)):
            drop_initial_weights(self.model)
        shorten_init_log(unwrap(self.model))
        super()._init_model_weights()

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call hooks, see ``Runner``, and write the config where it is time.

        Args:
            fn_name (str): Name of the hooks' method.
            **kwargs: Its arguments.
        """
        if fn_name == 'before_train' or fn_name == 'before_test' and \
                not osp.exists(self._config_file):
            super().dump_config()
        super().call_hook(fn_name, **kwargs)


def _is_needed(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_NEEDLESS)
