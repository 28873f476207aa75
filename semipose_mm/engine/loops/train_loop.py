# Copyright (c) semipose_mm authors.
"""The training loop: stock epochs that can be resumed in the middle."""
from contextlib import contextmanager
from typing import Iterator, Optional

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import LOOPS
from torch.utils.data import BatchSampler

from semipose_mm.errors import RunError
from ..distributed import STOP_INTERVAL, any_rank, unwrap
from ..log_interval import log_interval
from ..optim.finite_steps import FiniteSteps
from ..training_record import scored_iteration
from .history import bound_histories
from .label_watch import LabelWatch
from .step_threads import StepThreads

# values of a scalar that are kept at least
_HISTORY = 10000


class NonFiniteError(RunError):
    """Too many steps in a row were not finite."""


class LabelError(RunError):
    """Labels do not teach anything."""


class ResumeError(RunError):
    """A checkpoint does not fit the data."""


@LOOPS.register_module()
class SemiPoseTrainLoop(EpochBasedTrainLoop):
    """Epoch-based training that resumes at the exact iteration.

    The config keys are those of ``EpochBasedTrainLoop``. What differs:

    - a checkpoint from inside an epoch (``CheckpointHook(by_epoch=False)``)
      is resumed at its position: the sampler skips what has been seen,
      nothing is replayed and no epoch is cut short;
    - torch is seeded in every iteration from (seed, iteration, rank), so
      dropout and the like do not depend on what happened before;
    - ``stop_training``, set by a hook during an epoch, ends the training
      within a few iterations on all ranks. The unfinished epoch is then
      neither counted nor validated;
    - a validation that a checkpoint has not seen is made up for on resume;
    - steps that the optim wrapper has skipped, as they were not finite, are
      told at log intervals; too many in a row end the training;
    - labels of which no joint has weight end the training within its first
      iterations, see :class:`LabelWatch`;
    - on CPU, steps run with the number of threads that is fastest now, see
      :class:`StepThreads`.

    Raises:
        NonFiniteError: After ``optim_wrapper.max_skipped`` skipped steps in a
            row; the last good state is saved before.
        RunError: If items of the dataset cannot be repeated.
        LabelError: If no joint of the first batches has weight.
        ResumeError: If a checkpoint does not fit the data.
    """

    # of the epoch that is run next, or was run last
    _start = 0
    _stopped = False
    _failure: Optional[NonFiniteError] = None

    def run(self) -> torch.nn.Module:
        """Launch training.

        Returns:
            nn.Module: The trained model.
        """
        self._share_seed()
        self._start = self._find_start()
        if hasattr(self.dataloader.dataset, 'check_repeatable'):
            self.dataloader.dataset.check_repeatable()
        self.runner.message_hub.update_info('epoch_length',
                                            len(self.dataloader))
        self._log_interval = log_interval(self.runner)
        self._threads = StepThreads(self.runner, self.dataloader.num_workers)
        self._labels = LabelWatch()
        self.runner.call_hook('before_train')
        self._check_teachers()

        if self._iter > 0 and self._is_val_point() and \
                scored_iteration(self.runner) != self._iter:
            self.runner.val_loop.run()
        if self._iter >= self._max_iters:
            self.runner.logger.info(
                f'Nothing is left to train: iteration {self._iter} of '
                f'{self._max_iters} is done.')
        try:
            self._run_epochs()
        finally:
            self._threads.restore()
        self._tell_skipped_steps()
        if self.stop_training and self._iter < self._max_iters:
            self.runner.logger.warning(
                f'Training is stopped after iteration {self._iter} of '
                f'{self._max_iters}.')
        self.runner.call_hook('after_train')
        if self._failure is not None:
            raise self._failure
        return self.runner.model

    def _run_epochs(self) -> None:
        """Iterate and validate until the end or a stop."""
        while self._epoch < self._max_epochs and not self._must_stop():
            self.run_epoch()
            if self._stopped:
                break
            self._decide_current_val_interval()
            if self._is_val_epoch():
                self.runner.val_loop.run()

    def _check_teachers(self) -> None:
        """Refuse teachers that nothing updates."""
        model = unwrap(self.runner.model)
        if getattr(model, 'rules', None) and not model.teachers_follow:
            raise RunError(
                f'model.teachers has {", ".join(model.rules)}, but no hook '
                "updates them: add dict(type='MutualTeachingHook') or "
                "dict(type='TeacherUpdateHook') to custom_hooks")

    def run_epoch(self) -> None:
        """Iterate one epoch, or what is left of it."""
        start, self._start = self._start, 0
        self._stopped = False
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        # workers take their seeds from here
        self._seed_torch()
        if start < len(self.dataloader) and self._iter < self._max_iters:
            if start > 0:
                self.dataloader.sampler.start = start * self._batch_size()
            for idx, data_batch in enumerate(self.dataloader, start):
                self.run_iter(idx, data_batch)
                if self._iter >= self._max_iters:
                    break
                if self._is_stop_point(idx) and self._must_stop():
                    self._stopped = True
                    return
                if idx + 1 < len(self.dataloader):
                    self._threads.start()
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Iterate one mini-batch.

        Args:
            idx (int): Position in the epoch.
            data_batch (dict): Batch of data from the dataloader.
        """
        self._watch_labels(data_batch)
        self._seed_torch()
        with self._named_mistakes():
            self.runner.call_hook(
                'before_train_iter', batch_idx=idx, data_batch=data_batch)
            outputs = self.runner.model.train_step(
                data_batch, optim_wrapper=self.runner.optim_wrapper)
        # hooks may save a checkpoint
        self._threads.stop()
        self.runner.call_hook(
            'after_train_iter',
            batch_idx=idx,
            data_batch=data_batch,
            outputs=outputs)
        self._iter += 1
        if self._iter % self._log_interval == 0:
            self._tell_skipped_steps()
            # windows of a log reach back for an epoch at most
            bound_histories(self.runner.message_hub,
                            max(_HISTORY, len(self.dataloader)))

    @contextmanager
    def _named_mistakes(self) -> Iterator[None]:
        """End a run by mistakes that a step finds in the config."""
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            message = str(error).strip('\'"')
            if not message.startswith(('model.', 'train_dataloader.')):
                raise
            raise RunError(message) from error

    def _watch_labels(self, data_batch: dict) -> None:
        """End a training whose first batches have no joint with weight."""
        last = self._labels.look(data_batch)
        if (last or self._iter + 1 == self._max_iters) and \
                not any_rank(self._labels.seen):
            raise LabelError(self._labels.explain())

    def _tell_skipped_steps(self) -> None:
        """Warn of skipped steps, and stop after too many."""
        optim_wrapper = self.runner.optim_wrapper
        if not isinstance(optim_wrapper, FiniteSteps):
            return
        skipped = optim_wrapper.read_skipped()
        if not skipped.new:
            return
        self.runner.logger.warning(
            f'{skipped.new} steps were skipped, as the loss or a gradient was '
            'not finite '
            f'({skipped.total} in all, the last {skipped.in_a_row} in a row).')
        if skipped.in_a_row >= optim_wrapper.max_skipped:
            self._failure = NonFiniteError(
                f'the last {skipped.in_a_row} steps were not finite, '
                'optim_wrapper.max_skipped allows fewer than '
                f'{optim_wrapper.max_skipped}. Training is stopped in the '
                'state before them; try a lower learning rate, '
                'optim_wrapper.clip_grad, or training without --amp.')
            self.stop_training = True

    def _is_val_epoch(self) -> bool:
        return (self.runner.val_loop is not None
                and self._epoch >= self.val_begin
                and (self._epoch % self.val_interval == 0
                     or self._epoch == self._max_epochs))

    def _is_val_point(self) -> bool:
        """Whether a validation is due where the training stands."""
        self._decide_current_val_interval()
        return self._iter == self._epoch * len(self.dataloader) and \
            self._is_val_epoch()

    # ------------------------------------------------------------ resuming

    def _find_start(self) -> int:
        """Iterations of the current epoch that have been done already."""
        length = len(self.dataloader)
        done = self._iter - self._epoch * length
        saved_length = self._saved_length()
        if not 0 <= done <= length or saved_length not in (None, length):
            was = '' if saved_length is None else \
                f' of {saved_length} iterations each'
            raise ResumeError(
                f'cannot resume at iteration {self._iter} after '
                f'{self._epoch} whole epochs{was}: train_dataloader gives '
                f'{length} iterations an epoch ({len(self.dataloader.dataset)}'
                f' items, batch_size {self._batch_size()}, {get_world_size()} '
                'processes). Restore the data and the total batch size of the '
                'run that wrote the checkpoint, or start a new run from its '
                'weights with load_from and without resume.')
        if 0 < done < length:
            self._check_can_skip(done)
        return done

    def _saved_length(self) -> Optional[int]:
        """Iterations of an epoch in the run that wrote the checkpoint."""
        if self._iter == 0:
            return None
        return self.runner.message_hub.get_info('epoch_length')

    def _check_can_skip(self, done: int) -> None:
        """Refuse samplers that would replay the beginning of the epoch."""
        plain_batches = type(self.dataloader.batch_sampler) is BatchSampler
        if plain_batches and hasattr(self.dataloader.sampler, 'start'):
            return
        name = type(self.dataloader.sampler).__name__ if plain_batches \
            else type(self.dataloader.batch_sampler).__name__
        raise ResumeError(
            f'the checkpoint is from inside an epoch (iteration {done} of '
            f'{len(self.dataloader)}), and {name} cannot start there. Set '
            "train_dataloader.sampler to dict(type='SemiPoseSampler') and no "
            'batch_sampler, or resume from a checkpoint of the end of an '
            'epoch.')

    def _batch_size(self) -> Optional[int]:
        return getattr(self.dataloader.batch_sampler, 'batch_size', None)

    # ------------------------------------------------------------- seeding

    def _base_seed(self) -> int:
        """The run's seed, the same on all ranks."""
        offset = get_rank() \
            if self.runner._randomness_cfg.get('diff_rank_seed') else 0
        return self.runner.seed - offset

    def _share_seed(self) -> None:
        """Give the sampler the run's seed, which may be a checkpoint's."""
        sampler = getattr(self.dataloader.batch_sampler, 'sampler',
                          self.dataloader.sampler)
        if hasattr(sampler, 'seed'):
            sampler.seed = self._base_seed()

    def _seed_torch(self) -> None:
        sequence = np.random.SeedSequence(
            (self._base_seed(), self._iter, get_rank()))
        torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))

    # ------------------------------------------------------------ stopping

    def _is_stop_point(self, idx: int) -> bool:
        """Whether to look now; it costs several ranks a synchronization."""
        if idx + 1 == len(self.dataloader):
            return False
        return get_world_size() == 1 or self._iter % STOP_INTERVAL == 0

    def _must_stop(self) -> bool:
        self.stop_training = any_rank(self.stop_training)
        return self.stop_training
