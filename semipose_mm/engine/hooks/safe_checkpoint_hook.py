# Copyright (c) semipose_mm authors.
"""A hook that saves checkpoints which every torch loads safely."""
import os.path as osp
from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS

from semipose_mm.checkpoint.plain import (PlainError, from_plain, to_builtin,
                                          to_plain)
from ..training_record import TrainingRecord


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Keep numpy arrays and python objects out of checkpoint files.

    MMEngine puts numpy arrays (``meta.dataset_meta``) and history buffers
    (``message_hub``) into checkpoints, which ``torch.load`` refuses since
    torch 2.6. This hook turns them into plain values before saving and back
    after loading. ``meta.dataset_meta`` becomes lists, so that inference with
    stock MMPose reads it in a process without this package.

    It also adds ``meta.semipose``: the version, which network is selected and
    ``save_best`` follows, and the scores of every network at the last and at
    the best validation, see :class:`TrainingRecord`.

    It comes last of all hooks, so that what others add is made plain too; a
    hook that reads its own arrays in ``after_load_checkpoint`` finds them in
    their plain form and calls :func:`semipose_mm.checkpoint.from_plain`.
    """

    priority = 'LOWEST'

    def __init__(self) -> None:
        self._warned = set()
        self._record = TrainingRecord()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Make the checkpoint plain.

        Args:
            runner (Runner): The runner of the training process.
            checkpoint (dict): What is going to be saved; changed in place.
        """
        record = self._record.describe(runner)
        if record is not None:
            checkpoint.setdefault('meta', {})['semipose'] = record
        dataset_meta = checkpoint.get('meta', {}).pop('dataset_meta', None)
        for key, value in checkpoint.items():
            if key == 'message_hub':
                value = self._without_odd_entries(runner, value)
            elif key == 'param_schedulers':
                value = _without_callables(value)
            try:
                checkpoint[key] = to_plain(value, f"checkpoint['{key}']")
            except PlainError as error:
                self._warn(
                    runner, f'{error}: the checkpoint is saved with it and '
                    'can only be loaded with weights_only=False')
        if dataset_meta is not None:
            checkpoint['meta']['dataset_meta'] = to_builtin(
                dataset_meta, 'train_dataloader.dataset.metainfo')

    def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
        """Save the checkpoint of this moment again, now with its scores.

        MMEngine saves before it validates; after a new best it has saved
        again already.

        Args:
            runner (Runner): The runner of the training process.
            metrics (dict, optional): Not used. Defaults to ``None``
        """
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook) and \
                    self._record.is_untold(runner):
                step = runner.epoch if hook.by_epoch else runner.iter
                if hook.last_ckpt is not None and osp.basename(
                        hook.last_ckpt) == hook.filename_tmpl.format(step):
                    hook._save_checkpoint_with_step(
                        runner, step,
                        dict(epoch=runner.epoch, iter=runner.iter))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Bring the original values back.

        Args:
            runner (Runner): The runner of the process.
            checkpoint (dict): What has been loaded; changed in place.
        """
        for key, value in checkpoint.items():
            checkpoint[key] = from_plain(value, f"checkpoint['{key}']")
        meta = checkpoint.get('meta')
        if runner._resume and isinstance(meta, dict):
            self._record.resume(meta.get('semipose'))
        loop = runner._train_loop
        metainfo = getattr(loop.dataloader.dataset, 'metainfo', None) \
            if isinstance(loop, BaseLoop) else None
        if metainfo is None or not isinstance(meta, dict):
            return
        # Runner.resume compares pickles, and lists would differ from arrays
        if meta.get('dataset_meta') == to_builtin(metainfo):
            meta['dataset_meta'] = metainfo

    def _without_odd_entries(self, runner: Runner, hub: dict) -> dict:
        """Leave out entries of the message hub that have no plain form."""
        hub = {name: dict(entries) for name, entries in hub.items()}
        for name in ('log_scalars', 'runtime_info'):
            for key in list(hub[name]):
                try:
                    to_plain(hub[name][key], f"message_hub.{name}['{key}']")
                except PlainError as error:
                    self._warn(runner, f'{error}: it is left out of the '
                               'checkpoint')
                    del hub[name][key]
                    hub['resumed_keys'].pop(key, None)
        return hub

    def _warn(self, runner: Runner, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            runner.logger.warning(message)


def _without_callables(schedulers: Any) -> Any:
    """Drop functions: a scheduler built from its config has them already."""
    if isinstance(schedulers, list):
        return [{
            key: value
            for key, value in state.items() if not callable(value)
        } for state in schedulers]
    return {
        name: _without_callables(states)
        for name, states in schedulers.items()
    }
