# Copyright (c) semipose_mm authors.
"""A hook that takes losses off the device when somebody reads them."""
from typing import Dict, List, Optional, Union

import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import Tensor

from ..log_interval import log_interval


@HOOKS.register_module()
class DeferredRuntimeInfoHook(RuntimeInfoHook):
    """The stock hook, which waits for the device at log intervals only.

    The message hub gets the losses of every iteration as from the stock
    hook, but together: at the log interval, at the end of an epoch, and
    before a checkpoint, a validation or the end of the training. Until
    then they stay on the device, which is not waited for.
    """

    def __init__(self) -> None:
        self._kept: List[Dict[str, Union[Tensor, float]]] = []
        self._interval: Optional[int] = None

    def before_train(self, runner: Runner) -> None:
        """See the stock hook; finds the log interval.

        Args:
            runner (Runner): The runner of the training.
        """
        super().before_train(runner)
        self._interval = log_interval(runner, default=1)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Keep what the training step has returned.

        Args:
            runner (Runner): The runner of the training.
            batch_idx (int): Position in the epoch.
            data_batch (dict, optional): Not used. Defaults to ``None``
            outputs (dict, optional): Losses by name. Defaults to ``None``
        """
        if outputs is not None:
            # not their graphs, which would live until then
            self._kept.append({
                name:
                value.detach() if isinstance(value, Tensor) else value
                for name, value in outputs.items()
            })
        if self.every_n_train_iters(runner, self._interval) or \
                self.every_n_inner_iters(batch_idx, self._interval) or \
                self.is_last_train_iter(runner) or \
                self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._tell(runner)

    def before_val(self, runner: Runner) -> None:
        """See the stock hook."""
        self._tell(runner)
        super().before_val(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Complete the message hub, which a checkpoint holds."""
        if self._kept:
            self._tell(runner)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def after_train(self, runner: Runner) -> None:
        """See the stock hook; the training may have been stopped."""
        self._tell(runner)
        super().after_train(runner)

    def _tell(self, runner: Runner) -> None:
        """Hand on what is kept, in the order in which it came."""
        kept, self._kept = self._kept, []
        tensors = [
            value for outputs in kept for value in outputs.values()
            if isinstance(value, Tensor)
        ]
        values = iter(
            torch.stack([t.float()
                         for t in tensors]).tolist() if tensors else ())
        for outputs in kept:
            for name, value in outputs.items():
                runner.message_hub.update_scalar(
                    f'train/{name}',
                    next(values) if isinstance(value, Tensor) else value)
