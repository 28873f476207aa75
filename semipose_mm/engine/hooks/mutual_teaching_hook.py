# Copyright (c) semipose_mm authors.
"""All that accompanies teaching, in one hook."""
from typing import Any, Optional, Union

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ..distributed import unwrap
from ..teaching_start import (check_layer_decay, check_smallest_batch,
                              part_equal_networks, warn_of_easy_views)
from .teacher_update_hook import TeacherUpdateHook
from .teaching_monitor_hook import TeachingMonitorHook
from .unsup_weight_hook import UnsupWeightHook


@HOOKS.register_module()
class MutualTeachingHook(Hook):
    """Accompanies the training of a ``SemiPoseEstimator``.

    It is an :class:`UnsupWeightHook`, a :class:`TeacherUpdateHook` and a
    :class:`TeachingMonitorHook`, and sees to it at the start that networks
    differ and that hard views are hard.

    Args:
        burn_in (int | float | str): See :class:`UnsupWeightHook`. Defaults
            to 0
        ramp_up (int | float): See there. Defaults to 0
        on_collapse (str): See :class:`TeachingMonitorHook`. Defaults to
            ``'warn'``
        alarm (dict): See there. Defaults to ``dict()``
        interval (int, optional): See there. Defaults to ``None``

    Raises:
        TypeError: If the model is not a ``SemiPoseEstimator``.
        ValueError: If a parameter is out of its range.
    """

    # before LoggerHook, which writes what this hook reads
    priority = 'NORMAL'

    def __init__(self,
                 burn_in: Union[int, float, str] = 0,
                 ramp_up: Union[int, float] = 0,
                 on_collapse: str = 'warn',
                 alarm: dict = dict(),
                 interval: Optional[int] = None) -> None:
        self.monitor = TeachingMonitorHook(on_collapse, alarm, interval)
        self.schedule = UnsupWeightHook(burn_in, ramp_up, self.monitor.limit)
        self.teachers = TeacherUpdateHook()

    def before_train(self, runner: Runner) -> None:
        """Check the model and the start.

        Args:
            runner (Runner): The runner of the training.
        """
        self.schedule.before_train(runner)
        model = unwrap(runner.model)
        check_layer_decay(runner.optim_wrapper)
        check_smallest_batch(model, runner.train_dataloader)
        warn_of_easy_views(model, runner)
        if not runner._resume:
            part_equal_networks(model, runner)
        self.teachers.before_train(runner)
        self.monitor.before_train(runner)

    def before_train_iter(self, runner: Runner, *args: Any,
                          **kwargs: Any) -> None:
        """Set the weight of the unlabeled loss; teachers may stay.

        Args:
            runner (Runner): The runner of the training.
            *args, **kwargs: See :class:`UnsupWeightHook`.
        """
        self.schedule.before_train_iter(runner, *args, **kwargs)
        self.teachers.before_train_iter(runner, *args, **kwargs)

    def after_train_iter(self, runner: Runner, *args: Any,
                         **kwargs: Any) -> None:
        """Let teachers follow, and log how teaching goes.

        Args:
            runner (Runner): The runner of the training.
            *args, **kwargs: See :class:`TeachingMonitorHook`.
        """
        self.teachers.after_train_iter(runner, *args, **kwargs)
        self.monitor.after_train_iter(runner, *args, **kwargs)

    def after_train_epoch(self, runner: Runner) -> None:
        """Let teachers follow by epochs.

        Args:
            runner (Runner): The runner of the training.
        """
        self.teachers.after_train_epoch(runner)

    def after_train(self, runner: Runner) -> None:
        """Say whether unlabeled images have taught.

        Args:
            runner (Runner): The runner of the training.
        """
        self.schedule.after_train(runner)
