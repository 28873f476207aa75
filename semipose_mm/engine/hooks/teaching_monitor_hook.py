# Copyright (c) semipose_mm authors.
"""How teaching goes: statistics in the log, and an alarm on collapse."""
from typing import Optional

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ..collapse_alarm import CollapseAlarm
from ..distributed import unwrap
from ..label_limit import LabelLimit
from ..log_interval import log_interval
from ..statistics import kept_joints, teaching_statistics
from ..trial import look_ahead

# the message hub keeps them through a resume
_ALARM, _LIMIT = 'semipose_alarm', 'semipose_label_limit'


@HOOKS.register_module()
class TeachingMonitorHook(Hook):
    """Logs :func:`teaching_statistics`, and listens for a collapse.

    In a burn-in it reads what a step that teaches would have seen, so that
    the curves begin with the training; nobody is alarmed by that.

    What a selection keeps of each joint goes to the visualizer alone, as
    ``net<i>/kept/<joint>``.

    Args:
        on_collapse (str): ``'warn'`` logs a warning, ``'stop'`` also ends
            the training. Defaults to ``'warn'``
        alarm (dict): Parameters of :class:`CollapseAlarm`. Defaults to
            ``dict()``
        interval (int, optional): Iterations between readings; those of the
            ``LoggerHook`` by default. Defaults to ``None``

    Raises:
        ValueError: If a parameter is out of its range.
    """

    # before LoggerHook, which writes what this hook reads
    priority = 'NORMAL'

    def __init__(self,
                 on_collapse: str = 'warn',
                 alarm: dict = dict(),
                 interval: Optional[int] = None) -> None:
        if on_collapse not in ('warn', 'stop'):
            raise ValueError('custom_hooks: on_collapse of MutualTeachingHook '
                             f"must be 'warn' or 'stop', got {on_collapse!r}")
        if interval is not None and (not isinstance(interval, int)
                                     or interval < 1):
            raise ValueError('custom_hooks: interval of MutualTeachingHook '
                             'must be a positive number of iterations, but '
                             f'got {interval!r}')
        self.on_collapse = on_collapse
        self.alarm = CollapseAlarm(**alarm)
        #: LabelLimit: What the readings of a burn-in tell.
        self.limit = LabelLimit()
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        """Go on from the readings of a resumed training.

        Args:
            runner (Runner): The runner of the training.
        """
        if self.interval is None:
            self.interval = log_interval(runner)
        kept = runner.message_hub.runtime_info
        for name, state in ((_ALARM, self.alarm), (_LIMIT, self.limit)):
            if runner._resume and kept.get(name) is not None:
                state.load_state(kept[name])

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: dict = None,
                         outputs: Optional[dict] = None) -> None:
        """Take a reading at log intervals.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Position in the epoch.
            data_batch (dict, optional): The batch. Defaults to ``None``
            outputs (dict, optional): The losses. Defaults to ``None``
        """
        # not of the epoch, which may be shorter than the interval
        if not self.every_n_train_iters(runner, self.interval):
            return
        model = unwrap(runner.model)
        step, taught = model.last_step, model.teaching_enabled
        if step is None:
            return
        if not taught and model.plan.routes:
            step = look_ahead(model, data_batch, runner.optim_wrapper)
        stats = teaching_statistics(step)
        if not taught:
            stats = {k: v for k, v in stats.items() if 'unsup' not in k}
        kept = {
            f'{name}/{k}': value
            for name, joints in kept_joints(step).items()
            for k, value in enumerate(joints)
        }
        values = torch.stack(
            [v.float() for v in (*stats.values(), *kept.values())])
        all_reduce(values, 'mean')  # every rank must judge alike
        values = values.tolist()
        if kept:
            runner.visualizer.add_scalars(
                dict(zip(kept, values[len(stats):])), step=runner.iter + 1)
        stats = dict(zip(stats, values))
        for name, value in stats.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
        if not taught:
            self.limit.read(stats)
            runner.message_hub.update_info(_LIMIT, self.limit.state())
            # labeled peaks arm the alarm, the others are no fault yet
            stats = {k: v for k, v in stats.items() if 'peak_labeled' in k}
        troubles = self.alarm.read(stats)
        runner.message_hub.update_info(_ALARM, self.alarm.state())
        for trouble in troubles:
            runner.logger.warning(
                f'Collapse at iteration {runner.iter + 1}: {trouble}. Try a '
                'longer burn_in, a lower model.unsup_weight, or hard views '
                'that are harder than the easy ones.')
        if troubles and self.on_collapse == 'stop':
            runner.train_loop.stop_training = True
