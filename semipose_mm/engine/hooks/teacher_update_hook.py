# Copyright (c) semipose_mm authors.
"""Teachers that are not trained follow the networks that are."""
from typing import Dict, Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from semipose_mm.models.teaching.followers import Follower
from ..distributed import average_running_statistics, unwrap


@HOOKS.register_module()
class TeacherUpdateHook(Hook):
    """Updates ``model.teachers`` after each step of the optimizer.

    Those with ``until_teaching`` stay as they are once unlabeled images
    teach, and are then the same on all ranks, running statistics included
    (unless ``norm='train'`` tracks those of the rank's own batches).

    A new training begins with teachers that equal their students; a
    resumed one takes them from the checkpoint. It comes before what
    saves and validates.
    """

    def __init__(self) -> None:
        self._followers: Dict[str, Follower] = {}
        self._taught = False

    def before_train(self, runner: Runner) -> None:
        """Read and copy teachers.

        Args:
            runner (Runner): The runner of the training.
        """
        model = unwrap(runner.model)
        self._rules = getattr(model, 'rules', {})
        self._followers = {
            name: Follower(model.network(name), model.networks[rule.of])
            for name, rule in self._rules.items() if rule.of is not None
        }
        for name in getattr(model, 'frozen', ()):
            model.network(name)
        if not runner._resume:
            for follower in self._followers.values():
                follower.copy()
        model.teachers_follow = True

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: dict = None) -> None:
        """Make teachers that stay the same on all ranks, once.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Position in the epoch.
            data_batch (dict, optional): The batch. Defaults to ``None``
        """
        model = unwrap(runner.model)
        before = self._taught
        self._taught = bool(self._followers) and model.teaching_enabled
        if before or not self._taught:
            return
        for name, rule in self._rules.items():
            if rule.until_teaching:
                average_running_statistics(model.network(name))

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: dict = None,
                         outputs: Optional[dict] = None) -> None:
        """Follow the students, unless gradients are still accumulated.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Position in the epoch.
            data_batch (dict, optional): The batch. Defaults to ``None``
            outputs (dict, optional): The losses. Defaults to ``None``
        """
        if not self._followers or not runner.optim_wrapper.should_update():
            return
        # steps of the optimizer; the last one may be of fewer iterations
        size = runner.optim_wrapper._accumulative_counts
        step, steps = runner.iter // size, -(-runner.max_iters // size)
        taught = unwrap(runner.model).teaching_enabled
        for name, follower in self._followers.items():
            rule = self._rules[name]
            if not (taught and rule.until_teaching):
                rule.update(follower, step, steps)
            elif step == 0:
                runner.logger.warning(
                    f'model.teachers.{name} follows until unlabeled images '
                    'teach, which they do from the first step on: it stays '
                    'as the network is at the start. Set a longer burn_in '
                    'of MutualTeachingHook, or until_teaching to False.')

    def after_train_epoch(self, runner: Runner) -> None:
        """Follow the students by epochs.

        Args:
            runner (Runner): The runner of the training.
        """
        for name, follower in self._followers.items():
            self._rules[name].end_epoch(follower)
