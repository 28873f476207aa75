# Copyright (c) semipose_mm authors.
"""Records how labels are learned, and reports those that look wrong."""
import os.path as osp
from typing import List, Optional, Tuple

import torch
from mmengine.dist import all_gather_object, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor

from semipose_mm.checkpoint import from_plain
from semipose_mm.files import csv_bytes, write_all
from ..distributed import unwrap
from ..label_losses import Key, LabelLosses, find_suspicious
from ..log_interval import log_interval

FILE = 'suspicious_labels.csv'
_STATE = 'semipose_label_losses'
_SHOWN = 10


@HOOKS.register_module()
class SuspiciousLabelsHook(Hook):
    """Writes ``suspicious_labels.csv`` at the end of a training.

    The loss of each labeled joint, not multiplied by weights and the mean of
    all networks, is kept as it is seen in training: its mean in equal parts
    of the training, in memory and in checkpoints. At the end,
    :func:`find_suspicious` ranks all joints (REMIND, 2026).

    Losses leave the device at log intervals, when several processes exchange
    theirs, so that all know of all labels. What they saw after the last
    exchange before a checkpoint is lost for a training that is resumed from
    it; a single process loses nothing.

    Args:
        bins (int): Parts of the training, of 3 to 100. A part should be as
            long as an epoch of the labels at least. Defaults to 20
        interval (int, optional): Iterations between exchanges; those of the
            ``LoggerHook`` by default. Defaults to ``None``

    Raises:
        ValueError: If a parameter is out of its range.
        TypeError: If the model is no ``SemiPoseEstimator``, when a training
            begins.
    """

    # before hooks that save checkpoints
    priority = 'NORMAL'

    def __init__(self, bins: int = 20, interval: Optional[int] = None) -> None:
        if not isinstance(bins, int) or not 3 <= bins <= 100:
            raise ValueError('custom_hooks: bins of SuspiciousLabelsHook must '
                             f'be an integer from 3 to 100, but got {bins!r}')
        if interval is not None and (not isinstance(interval, int)
                                     or interval < 1):
            raise ValueError('custom_hooks: interval of SuspiciousLabelsHook '
                             'must be a positive number of iterations, but '
                             f'got {interval!r}')
        self.losses = LabelLosses(bins)
        self.interval = interval
        self._waiting: List[Tuple[List[Key], Tensor, int]] = []

    def before_train(self, runner: Runner) -> None:
        """Let the model keep its labeled losses.

        Args:
            runner (Runner): The runner of the training.
        """
        model = unwrap(runner.model)
        if not hasattr(model, 'keep_label_losses'):
            raise TypeError('custom_hooks: SuspiciousLabelsHook needs '
                            "model.type 'SemiPoseEstimator', but got "
                            f'{type(model).__name__!r}')
        model.keep_label_losses = True
        if self.interval is None:
            self.interval = log_interval(runner)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: dict = None,
                         outputs: Optional[dict] = None) -> None:
        """Take the losses of a step.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Position in the epoch.
            data_batch (dict, optional): The batch. Defaults to ``None``
            outputs (dict, optional): The losses. Defaults to ``None``
        """
        step = unwrap(runner.model).last_step
        if step is not None and step.label_losses:
            samples = data_batch['data_samples']
            if isinstance(samples, dict):
                samples = samples['labeled']
            part = runner.iter * self.losses.bins // runner.max_iters
            self._waiting.append(([_key(one) for one in samples],
                                  torch.stack(step.label_losses).mean(0),
                                  min(part, self.losses.bins - 1)))
        if self.every_n_train_iters(runner, self.interval):
            self._exchange()

    def _exchange(self) -> None:
        """Add what waits, of all processes."""
        new: List[tuple] = []
        if self._waiting:
            keys, losses, parts = zip(*self._waiting)
            new = [([key for one in keys
                     for key in one], torch.cat(losses).cpu().numpy(),
                    [part for one, part in zip(keys, parts) for _ in one])]
        self._waiting = []
        if get_world_size() > 1:
            new = [one for own in all_gather_object(new) for one in own]
        for one in new:
            self.losses.add(*one)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Put what is known into a checkpoint.

        Args:
            runner (Runner): The runner of the training.
            checkpoint (dict): Is added to.
        """
        if get_world_size() == 1:  # others are not here
            self._exchange()
        checkpoint[_STATE] = self.losses.state()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Go on from a resumed training.

        Args:
            runner (Runner): The runner of the training.
            checkpoint (dict): What was loaded.
        """
        if runner._resume and checkpoint.get(_STATE):
            self.losses.load_state(from_plain(checkpoint[_STATE]))

    def after_train(self, runner: Runner) -> None:
        """Write the report, unless the training was stopped.

        Args:
            runner (Runner): The runner of the training.
        """
        self._exchange()
        if not is_main_process() or runner.iter < runner.max_iters:
            return
        path = osp.join(runner.work_dir, FILE)
        meta = getattr(runner.train_dataloader.dataset, 'metainfo', {})
        rows, lines = report(self.losses, meta.get('keypoint_id2name', {}))
        if rows:
            write_all({path: csv_bytes(rows, digits=4)})
            lines.append(f'all joints of all labels: {path}')
        for line in lines:
            runner.logger.info(line)


def _key(sample) -> Key:
    """File and id of the annotation of a data sample."""
    found = sample.metainfo
    if 'img_path' not in found or 'id' not in found:
        raise KeyError(
            'custom_hooks: SuspiciousLabelsHook needs to know labels by their '
            "file and id: meta_keys of PackPoseInputs must have 'img_path' "
            "and 'id'")
    number = found['id']
    return found['img_path'], number if isinstance(number,
                                                   str) else int(number)


def report(losses: LabelLosses, names: dict) -> Tuple[List[list], List[str]]:
    """The table of all joints, and what is said of it.

    Args:
        losses (LabelLosses): What was recorded.
        names (dict): Names of the joints by number.

    Returns:
        tuple: Rows of the csv, none if there is too little to say, and
        lines.
    """
    keys, means, counts = losses.means()
    found = find_suspicious(means)
    if not len(found.order):
        return [], [
            'suspicious labels: too few labeled joints were seen in three '
            f'of {losses.bins} parts of the training to tell'
        ]
    table: List[list] = [[
        'rank', 'file', 'annotation', 'joint', 'cluster', 'suspicion',
        'amplitude', 'trend', 'views',
        *(f'loss_{t}' for t in range(losses.bins))
    ]]
    shown = []
    rows = zip(found.order.tolist(), found.suspicious, found.suspicion,
               found.amplitude, found.trend)
    for rank, ((i, k), wrong, *values) in enumerate(rows, 1):
        path, number = keys[i]
        joint = names.get(k, k)
        table.append([
            rank, path, number, joint, 'suspicious' if wrong else 'right',
            *map(float, values), counts[i, k], *map(float, means[i, :, k])
        ])
        if wrong and len(shown) < _SHOWN:
            shown.append(f'  {joint} of annotation {number} in {path}: '
                         f'suspicion {values[0]:.2f}, amplitude '
                         f'{values[1]:.2f}, trend {values[2]:.2f}')
    right, wrong = found.centers
    return table, [
        f'suspicious labels: {found.suspicious.sum():,} of '
        f'{len(found.order):,} joints; their losses have an amplitude of '
        f'{wrong[0]:.2f} and a trend of {wrong[1]:.2f}, the others '
        f'{right[0]:.2f} and {right[1]:.2f}. The first:', *shown
    ]
