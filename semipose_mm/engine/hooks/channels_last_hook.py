# Copyright (c) semipose_mm authors.
"""A hook for the memory layout that convolutions prefer."""
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Train and evaluate with channels-last weights.

    Convolutions then compute channels-last whatever their input is. The
    result is the same up to rounding, and a checkpoint does not tell.
    """

    # after weights are drawn, as their layout decides which value goes where
    def before_train(self, runner: Runner) -> None:
        """Convert the weights."""
        runner.model.to(memory_format=torch.channels_last)

    def before_val(self, runner: Runner) -> None:
        """Convert the weights, where no training has."""
        self.before_train(runner)

    def before_test(self, runner: Runner) -> None:
        """Convert the weights."""
        self.before_train(runner)
