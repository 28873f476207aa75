# Copyright (c) semipose_mm authors.
"""The hook that saves checkpoints: whole, finite, safe to load."""
import os.path as osp
from contextlib import contextmanager
from typing import Iterator, List, Optional

import torch
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS

from semipose_mm.checkpoint.last_good import find_last_good
from semipose_mm.checkpoint.plain import to_builtin
from semipose_mm.checkpoint.plain_checkpoint import make_plain, restore
from semipose_mm.checkpoint.whole_backend import WHOLE_BACKEND
from semipose_mm.errors import RunError
from semipose_mm.files import remove_unfinished, write_text
from ..distributed import average_running_statistics, broadcast_from_main
from ..training_record import TrainingRecord, scored_iteration
from .late_removal import LateRemoval, remove_again

#: A training that was stopped between two epochs' checkpoints.
_STOPPED = 'semipose_stopped_ckpt'


class CheckpointError(RunError):
    """A checkpoint could not be saved, or not be resumed."""


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, for runs that survive.

    The config keys are those of ``CheckpointHook``. What differs:

    - a file appears once it is complete, and an older one is removed after
      that, so that a process can be killed at any moment;
    - a state that is not finite is never saved, and a full disk ends the
      training on all ranks with one line;
    - running statistics are averaged over the ranks first;
    - numpy arrays and python objects become plain values, so that every
      ``torch.load`` reads the file without executing anything;
    - ``meta.semipose`` tells the version, which network is selected and
      ``save_best`` follows, and the scores of every network at the last and
      at the best validation, see :class:`TrainingRecord`;
    - a training that is stopped is saved where it stands;
    - ``resume='auto'`` goes on from the last checkpoint that is whole, or
      begins with ``load_from`` if there is none; so does ``resume=True``
      without ``load_from``.

    It comes last of all hooks, so that what others add to a checkpoint is
    made plain too; a hook that reads its own arrays in
    ``after_load_checkpoint`` calls :func:`semipose_mm.checkpoint.from_plain`.

    Raises:
        CheckpointError: If a checkpoint cannot be saved, or not be resumed.
    """

    priority = 'LOWEST'

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._warned = set()
        self._record = TrainingRecord()
        # of the last regular checkpoint, and of the scores in it
        self._saved_iter: Optional[int] = None
        self._told_iter: Optional[int] = None
        self._waiting: Optional[list] = None
        self._has_saved = False

    # ------------------------------------------------------------ resuming

    def before_run(self, runner: Runner) -> None:
        """Choose the checkpoint to go on from.

        Args:
            runner (Runner): The runner of the training process.
        """
        chosen = runner._resume == 'auto' or (runner._resume
                                              and runner._load_from is None)
        if not chosen:
            return
        if '://' in (self.out_dir or ''):
            # not on a disk: MMEngine knows the last one by name
            runner._resume, runner._load_from = True, None
            return
        folders = [runner.work_dir]
        if self.out_dir is not None:
            # where MMEngine puts them then
            run = osp.basename(runner.work_dir.rstrip(osp.sep))
            folders.append(osp.join(self.out_dir, run))
        path = trouble = None
        if is_main_process():
            try:
                path = find_last_good(folders, runner.logger.warning)
            except RunError as error:
                trouble = str(error)
        path, trouble = broadcast_from_main([path, trouble])
        if trouble is not None:
            raise CheckpointError(trouble)
        if path is None:
            runner._resume = False
            runner.logger.info(f'Nothing to resume in {runner.work_dir}: the '
                               'training begins.')
        else:
            runner._resume, runner._load_from = True, path
            runner.logger.info(f'Resuming from {path}.')

    def before_train(self, runner: Runner) -> None:
        """Prepare the folder.

        Args:
            runner (Runner): The runner of the training process.
        """
        super().before_train(runner)
        if not isinstance(self.file_backend, LocalBackend):
            return
        self.file_client_args = None
        self.backend_args = dict(backend=WHOLE_BACKEND)
        if is_main_process():
            remove_again(self.out_dir, runner.message_hub)
            for name in remove_unfinished(self.out_dir, '.pth'):
                runner.logger.warning(f'{name} in {self.out_dir} was never '
                                      'finished and is removed.')

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Bring the original values back.

        Args:
            runner (Runner): The runner of the process.
            checkpoint (dict): What has been loaded; changed in place.
        """
        restore(checkpoint)
        if runner._resume and not {'meta', 'optimizer'} <= set(checkpoint):
            raise CheckpointError(
                f'{runner._load_from} is no checkpoint that a training can go '
                'on from: it has no optimizer state (those of save_best and '
                'exported ones have none). Begin a new training from its '
                'weights by load_from, without --resume.')
        meta = checkpoint.get('meta')
        if runner._resume and isinstance(meta, dict):
            self._record.resume(meta.get('semipose'))
            self._saved_iter = meta.get('iter')
            self._has_saved = True
        loop = runner._train_loop
        metainfo = getattr(loop.dataloader.dataset, 'metainfo', None) \
            if isinstance(loop, BaseLoop) else None
        if metainfo is None or not isinstance(meta, dict):
            return
        # Runner.resume compares pickles, and lists would differ from arrays
        if meta.get('dataset_meta') == to_builtin(metainfo):
            meta['dataset_meta'] = metainfo

    # -------------------------------------------------------------- saving

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check a checkpoint and make it plain.

        Args:
            runner (Runner): The runner of the training process.
            checkpoint (dict): What is going to be saved; changed in place.
        """
        for key, value in checkpoint['state_dict'].items():
            if isinstance(value, torch.Tensor) and \
                    not torch.isfinite(value).all():
                raise ValueError(f'{key} holds values that are not finite')
        record = self._record.describe(runner)
        if record is not None:
            checkpoint.setdefault('meta', {})['semipose'] = record

        def warn(message: str) -> None:
            if message not in self._warned:
                self._warned.add(message)
                runner.logger.warning(message)

        make_plain(checkpoint, warn)

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[dict] = None) -> None:
        """Save the best checkpoint, and the last one again with its scores.

        MMEngine saves before it validates; after a new best it has saved
        again already.

        Args:
            runner (Runner): The runner of the training process.
            metrics (dict, optional): Scores. Defaults to ``None``
        """
        super().after_val_epoch(runner, metrics)
        # not what has been written: rank 0 alone writes
        if self._saved_iter == runner.iter and \
                self._told_iter != scored_iteration(runner):
            self._save_checkpoint_with_step(
                runner, runner.epoch if self.by_epoch else runner.iter,
                dict(epoch=runner.epoch, iter=runner.iter))

    def after_train(self, runner: Runner) -> None:
        """Save a training that was stopped where it stands.

        Args:
            runner (Runner): The runner of the training process.
        """
        if runner.train_loop.stop_training and \
                self._saved_iter != runner.iter:
            self._save_stopped(runner)
        super().after_train(runner)

    def _save_stopped(self, runner: Runner) -> None:
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        if not self.by_epoch:
            self._save_checkpoint_with_step(runner, runner.iter, meta)
            return
        # in the middle of an epoch, so by no name of an epoch
        name = f'iter_{runner.iter}.pth'
        path = self.file_backend.join_path(self.out_dir, name)
        former = runner.message_hub.runtime_info.get(_STOPPED, '')
        runner.message_hub.update_info(_STOPPED, path)
        with self._all_or_nothing(runner, name):
            self.file_backend.remove(former)
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                meta=meta,
                by_epoch=False,
                backend_args=self.backend_args)
            if is_main_process():
                write_text(osp.join(runner.work_dir, 'last_checkpoint'), path)

    def _save_checkpoint_with_step(self, runner: Runner, step: int,
                                   meta: dict) -> None:
        """Save a regular checkpoint; what it replaces is removed then."""
        if self._waiting is not None:
            self._waiting.append((step, meta))
            return
        self._saved_iter = meta['iter']
        self._told_iter = scored_iteration(runner)
        stopped = runner.message_hub.runtime_info.get(_STOPPED, '')
        runner.message_hub.update_info(_STOPPED, '')
        with self._all_or_nothing(runner, self.filename_tmpl.format(step)):
            self.file_backend.remove(stopped)
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint; the former one is removed then."""
        if not self.save_best:
            return
        # the stock method saves the last one again: once all ranks know
        # that the best one is written
        self._waiting = waiting = []
        try:
            with self._all_or_nothing(runner, 'the best checkpoint'):
                super()._save_best_checkpoint(runner, metrics)
        finally:
            self._waiting = None
        for step, meta in waiting:
            self._save_checkpoint_with_step(runner, step, meta)

    @property
    def _best_paths(self) -> List[Optional[str]]:
        if len(getattr(self, 'key_indicators', [])) > 1:
            return list(self.best_ckpt_path_dict.values())
        return [getattr(self, 'best_ckpt_path', None)]

    @contextmanager
    def _all_or_nothing(self, runner: Runner, name: str) -> Iterator[None]:
        """Save on all ranks alike, or stop all of them with one line."""
        average_running_statistics(runner.model)
        backend = self.file_backend
        self.file_backend = LateRemoval(backend, runner.message_hub)
        trouble = ''
        try:
            yield
            if is_main_process():
                self.file_backend.remove_now(
                    [self.last_ckpt, *self._best_paths])
        except (OSError, ValueError) as error:
            trouble = str(error)
        finally:
            self.file_backend = backend
        trouble, = broadcast_from_main([trouble])
        if trouble:
            before = 'What was saved before is still there; go on from it ' \
                'by --resume.' if self._has_saved else 'Nothing was before.'
            raise CheckpointError(
                f'{name} is not saved in {self.out_dir}: {trouble}. {before}')
        self._has_saved = True
