# Copyright (c) semipose_mm authors.
"""Layers that start anew, although a checkpoint has weights for them."""
import copy
from typing import Any, List, Sequence, Tuple

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn

from semipose_mm.errors import RunError
from ..distributed import unwrap


@HOOKS.register_module()
class NewLayersHook(Hook):
    """Keeps layers of a new training as they were before ``load_from``.

    A final layer for other joints is left out by its shape; for as many
    joints that are other ones, this hook leaves it out. Resumed trainings
    and tests take all that their checkpoint has.

    Args:
        layers (Sequence[str]): Their names in each network, such as
            ``['head.final_layer']``.

    Raises:
        RunError: If no network has such a layer.
    """

    # before networks are compared and teachers copied
    priority = 'ABOVE_NORMAL'

    def __init__(self, layers: Sequence[str]) -> None:
        self.layers = list(layers)
        self._kept: List[Tuple[nn.Module, dict]] = []

    def after_load_checkpoint(self, runner: Runner, checkpoint: Any) -> None:
        """Keep what the layers have.

        Args:
            runner (Runner): The runner of the training.
            checkpoint (dict): What has been read, and is not loaded yet.
        """
        if runner._resume:
            return
        model = unwrap(runner.model)
        for name in self.layers:
            found = [
                module for net in getattr(model, 'networks', [model])
                for key, module in net.named_modules() if key == name
            ]
            if not found:
                raise RunError(
                    f'custom_hooks: NewLayersHook.layers has {name!r}, but no '
                    'network has such a layer; an example is '
                    "'head.final_layer'")
            self._kept += [(layer, copy.deepcopy(layer.state_dict()))
                           for layer in found]

    def before_train(self, runner: Runner) -> None:
        """Bring it back.

        Args:
            runner (Runner): The runner of the training.
        """
        if not self._kept:
            return
        for layer, state in self._kept:
            layer.load_state_dict(state)
        self._kept = []
        runner.logger.info(f'{", ".join(self.layers)} of each network: not '
                           f'taken from {runner._load_from}, as joints are '
                           'others.')
