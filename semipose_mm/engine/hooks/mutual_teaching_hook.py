# Copyright (c) semipose_mm authors.
"""Schedule, start and supervision of mutual teaching."""
from typing import Optional, Sequence

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from semipose_mm.models.networks import PEERS
from ..collapse_alarm import CollapseAlarm
from ..log_interval import log_interval
from ..statistics import teaching_statistics
from ..unwrapping import unwrap

# the message hub keeps it through a resume
_ALARM = 'semipose_alarm'


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
class MutualTeachingHook(Hook):
    """Accompanies the training of a ``SemiPoseEstimator``.

    It sets the weight of the unlabeled loss, sees to it that networks differ
    at the start, logs how teaching goes, and raises an alarm on collapse.

    Args:
        burn_in (int): Iterations without unlabeled images at the start.
            With raw heatmaps as targets, fresh networks first agree on
            background; the paper's long schedules do without. Defaults to 0
        ramp_up (int): Iterations after burn-in in which the weight of the
            unlabeled loss rises linearly. Defaults to 0
        on_collapse (str): ``'warn'`` logs a warning, ``'stop'`` also ends
            the training. Defaults to ``'warn'``
        alarm (dict): Parameters of :class:`CollapseAlarm`. Defaults to
            ``dict()``
        interval (int, optional): Iterations between readings; those of the
            ``LoggerHook`` by default. Defaults to ``None``

    Raises:
        TypeError: If the model is not a ``SemiPoseEstimator``.
        ValueError: If a parameter is out of its range.
    """

    # before LoggerHook, which writes what this hook reads
    priority = 'NORMAL'

    def __init__(self,
                 burn_in: int = 0,
                 ramp_up: int = 0,
                 on_collapse: str = 'warn',
                 alarm: dict = dict(),
                 interval: Optional[int] = None) -> None:
        for key, value in dict(burn_in=burn_in, ramp_up=ramp_up).items():
            if value < 0:
                raise ValueError(f'custom_hooks: {key} of MutualTeachingHook '
                                 f'must not be negative, but got {value}')
        if on_collapse not in ('warn', 'stop'):
            raise ValueError('custom_hooks: on_collapse of MutualTeachingHook '
                             f"must be 'warn' or 'stop', got {on_collapse!r}")
        self.burn_in = burn_in
        self.ramp_up = ramp_up
        self.on_collapse = on_collapse
        self.alarm = CollapseAlarm(**alarm)
        self.interval = interval

    def before_train(self, runner) -> None:
        """Check the model and the start."""
        model = unwrap(runner.model)
        if not hasattr(model, 'set_unsup_weight'):
            raise TypeError('custom_hooks: MutualTeachingHook needs '
                            "model.type 'SemiPoseEstimator', but got "
                            f'{type(model).__name__!r}')
        if self.interval is None:
            self.interval = log_interval(runner)
        self._check_layer_decay(runner.optim_wrapper)
        heard = runner.message_hub.runtime_info.get(_ALARM)
        if runner._resume and heard is not None:
            self.alarm.load_state(heard)
        if not runner._resume:
            self._part_equal_networks(model, runner)

    @staticmethod
    def _check_layer_decay(optim_wrapper) -> None:
        """See to it that layer-wise learning rates reach the peers."""
        names = (
            name for group in optim_wrapper.param_groups
            for name in group.get('param_names', ()))
        if any(name.startswith(f'{PEERS}.') for name in names):
            raise ValueError(
                'optim_wrapper.constructor decays the layers of network 0 '
                'alone, peers would have the full learning rate: set it to '
                "'NetworkLayerDecayOptimWrapperConstructor'")

    def _part_equal_networks(self, model, runner) -> None:
        """See to it that equal networks do not stay equal for ever."""
        for number, peer in getattr(model, 'peers', {}).items():
            own = model.state_dict()
            weights = peer.state_dict()
            if not all(
                    key in own and torch.equal(own[key], value)
                    for key, value in weights.items()):
                continue
            if model.lectern.views_differ:
                runner.logger.info(
                    f'Network {number} starts equal to network 0; they part '
                    'because each sees hard views of its own.')
                continue
            perturb_layers(model.output.final_layers(peer.head), int(number))
            runner.logger.warning(
                f'Network {number} starts equal to network 0 and would stay '
                'so, as both see the same hard views: its final layer is '
                'perturbed. Two init_cfg, or JointCutout in model.views, '
                'part them better.')

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        """Set the weight of the unlabeled loss."""
        model = unwrap(runner.model)
        model.set_unsup_weight(
            model.base_unsup_weight *
            unsup_factor(runner.iter, self.burn_in, self.ramp_up))

    def after_train_iter(self,
                         runner,
                         batch_idx,
                         data_batch=None,
                         outputs=None) -> None:
        """Log statistics and listen for the alarm at log intervals."""
        # not of the epoch, which may be shorter than the interval
        if not self.every_n_train_iters(runner, self.interval):
            return
        step = unwrap(runner.model).last_step
        if step is None:
            return
        stats = teaching_statistics(step)
        values = torch.stack([value.float() for value in stats.values()])
        all_reduce(values, 'mean')  # every rank must judge alike
        stats = dict(zip(stats, values.tolist()))
        for name, value in stats.items():
            runner.message_hub.update_scalar(f'train/{name}', value)
        trouble = self.alarm.read(stats)
        runner.message_hub.update_info(_ALARM, self.alarm.state())
        if trouble is None:
            return
        runner.logger.warning(
            f'Collapse at iteration {runner.iter + 1}: {trouble}. Try a '
            'longer burn_in, a lower model.unsup_weight, or hard views that '
            'are harder than the easy ones.')
        if self.on_collapse == 'stop':
            runner.train_loop.stop_training = True


@torch.no_grad()
def perturb_layers(layers: Sequence[torch.nn.Module], number: int) -> None:
    """Add noise of a tenth of its spread to each parameter of layers.

    Args:
        layers (Sequence[nn.Module]): A network's final layers; changed in
            place.
        number (int): The network's number, which seeds the noise on every
            rank alike.
    """
    generator = torch.Generator().manual_seed(number)
    for param in (p for layer in layers for p in layer.parameters()):
        noise = torch.randn(param.shape, generator=generator)
        spread = param.std().cpu() if param.numel() > 1 else 0.
        # a zero-initialized bias has no spread of its own
        param.add_((noise * (0.1 * spread + 1e-4)).to(param.device))
