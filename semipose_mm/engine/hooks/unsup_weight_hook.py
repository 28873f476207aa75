# Copyright (c) semipose_mm authors.
"""When unlabeled images teach, and with which weight."""
from typing import Optional, Union

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ..distributed import unwrap
from ..label_limit import LabelLimit
from ..shares import to_iterations
from ..trial import try_teaching

# the message hub keeps through a resume when teaching began
_BEGUN = 'semipose_burn_in'


def unsup_factor(iteration: int, burn_in: int, ramp_up: int) -> float:
    """Factor on the unlabeled loss: 0 in burn-in, then linearly up to 1.

    A function of the iteration alone, so a resumed run continues it.

    Args:
        iteration (int): Iterations done.
        burn_in (int): Supervised iterations at the start.
        ramp_up (int): Iterations until full weight after them.
    """
    if iteration < burn_in:
        return 0.
    return min(1., (iteration - burn_in + 1) / (ramp_up + 1))


@HOOKS.register_module()
class UnsupWeightHook(Hook):
    """Sets the weight of the unlabeled loss in each iteration.

    In a burn-in, the first iteration also tries a step that teaches, so that
    what is missing in the batch or in memory is found then and not after
    hours; the training is not changed by it.

    Args:
        burn_in (int | float | str): Iterations without unlabeled images at
            the start, or a share of the training in (0, 1). With raw
            heatmaps as targets, fresh networks first agree on background;
            the paper's long schedules do without. ``'auto'`` begins to
            teach once ``limit`` says that labels are the limit. Defaults
            to 0
        ramp_up (int | float): Iterations after burn-in, or a share, in which
            the weight of the unlabeled loss rises linearly. Defaults to 0
        limit (LabelLimit, optional): What is known of that;
            ``MutualTeachingHook`` has it. Defaults to None

    Raises:
        TypeError: If the model is not a ``SemiPoseEstimator``.
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 burn_in: Union[int, float, str] = 0,
                 ramp_up: Union[int, float] = 0,
                 limit: Optional[LabelLimit] = None) -> None:
        self.limit = limit
        self._auto = burn_in == 'auto' and limit is not None
        for key, value in dict(
                burn_in=0 if self._auto else burn_in, ramp_up=ramp_up).items():
            if not isinstance(value, (int, float)) or value < 0 or \
                    isinstance(value, float) and value >= 1:
                raise ValueError(
                    f'custom_hooks: {key} must be a '
                    'number of iterations, not negative, or a share of the '
                    "training below 1, or burn_in 'auto' in a "
                    f'MutualTeachingHook, but got {value!r}')
        self.burn_in = burn_in
        self.ramp_up = ramp_up

    def before_train(self, runner: Runner) -> None:
        """Check the model, and say when teaching begins.

        Args:
            runner (Runner): The runner of the training.
        """
        model = unwrap(runner.model)
        if not hasattr(model, 'set_unsup_weight'):
            raise TypeError('custom_hooks: MutualTeachingHook needs '
                            "model.type 'SemiPoseEstimator', but got "
                            f'{type(model).__name__!r}')
        if self._auto:
            # until then as if it never came
            kept = runner.message_hub.runtime_info.get(_BEGUN)
            self.burn_in = runner.max_iters if kept is None or \
                not runner._resume else kept
        self.burn_in, self.ramp_up = (
            to_iterations(value, runner.max_iters)
            for value in (self.burn_in, self.ramp_up))
        self._tried = runner.iter >= self.burn_in
        if not model.plan.routes:
            return
        if self._auto and self.burn_in == runner.max_iters:
            runner.logger.info(
                'Labels alone until they are the limit: unlabeled images '
                'teach once a hard view of them loses as much as a labeled '
                'image (burn_in auto).')
        elif self.burn_in >= runner.max_iters:
            runner.logger.warning(
                f'custom_hooks: burn_in is {self.burn_in} of '
                f'{runner.max_iters} iterations: unlabeled images will never '
                'teach. Make it shorter, or the training longer.')
        elif self.burn_in + self.ramp_up >= runner.max_iters:
            runner.logger.warning(
                f'custom_hooks: burn_in and ramp_up are {self.burn_in} and '
                f'{self.ramp_up} of {runner.max_iters} iterations: unlabeled '
                'images will never have their full weight.')
        elif self.burn_in or self.ramp_up:
            runner.logger.info(
                f'Labels alone until iteration {self.burn_in} of '
                f'{runner.max_iters}; unlabeled images have their full weight '
                f'{model.base_unsup_weight} from '
                f'{self.burn_in + self.ramp_up + 1} on.')

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: dict = None) -> None:
        """Set the weight.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Position in the epoch.
            data_batch (dict, optional): The batch. Defaults to ``None``
        """
        model = unwrap(runner.model)
        waits = self._auto and self.burn_in == runner.max_iters
        if waits and self.limit.ratio is not None and self.limit.ratio >= 1:
            self.burn_in = runner.iter
            runner.message_hub.update_info(_BEGUN, self.burn_in)
        # of what comes after the burn-in
        taught = runner.max_iters - self.burn_in
        model.progress = max(0., runner.iter - self.burn_in) / max(taught, 1)
        if not self._tried and model.plan.routes:
            model.set_unsup_weight(model.base_unsup_weight)
            try_teaching(model, data_batch, runner.optim_wrapper)
            self._tried = True
        factor = unsup_factor(runner.iter, self.burn_in, self.ramp_up)
        model.set_unsup_weight(model.base_unsup_weight * factor)
        if runner.iter == self.burn_in > 0 and model.plan.routes:
            told = f': {self.limit}' if self.limit else ''
            runner.logger.info(f'Iteration {runner.iter + 1}: unlabeled '
                               f'images teach now{told}.')

    def after_train(self, runner: Runner) -> None:
        """Say that labels were never the limit.

        Args:
            runner (Runner): The runner of the training.
        """
        routes = unwrap(runner.model).plan.routes
        if self._auto and routes and \
                runner.iter >= runner.max_iters == self.burn_in:
            runner.logger.warning(
                f'Unlabeled images did not teach in this training: '
                f'{self.limit}. Make it longer, or set burn_in to a number '
                'of iterations.')
