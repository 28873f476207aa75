# Copyright (c) semipose_mm authors.
"""The training loop that counts iterations."""
from typing import Dict, Union

from mmengine.runner import Runner
from mmpose.registry import LOOPS
from torch.utils.data import DataLoader

from .train_loop import SemiPoseTrainLoop


@LOOPS.register_module()
class SemiPoseIterTrainLoop(SemiPoseTrainLoop):
    """Training for a number of iterations.

    The length of a training then does not depend on the size of the unlabeled
    set. An epoch is still one pass over that set, from which training resumes
    exactly; the last one ends where the iterations do.

    Args:
        runner (Runner): A reference of runner.
        dataloader (DataLoader | dict): The dataloader or its config.
        max_iters (int): Iterations of the training.
        val_begin (int): The iteration that begins validating. Defaults to 1
        val_interval (int): Iterations between validations; the last
            iteration is always followed by one. Defaults to 1000

    Raises:
        ValueError: If a number is not a positive integer.
    """

    def __init__(self,
                 runner: Runner,
                 dataloader: Union[DataLoader, Dict],
                 max_iters: int,
                 val_begin: int = 1,
                 val_interval: int = 1000) -> None:
        for key, value in dict(
                max_iters=max_iters,
                val_begin=val_begin,
                val_interval=val_interval).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'train_cfg.{key} is {value!r}; it must be '
                                 'a positive number of iterations')
        super().__init__(
            runner,
            dataloader,
            max_epochs=1,
            val_begin=val_begin,
            val_interval=val_interval)
        self._max_iters = max_iters
        self._max_epochs = -(-max_iters // len(self.dataloader))

    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Iterate one mini-batch, and validate if it is time.

        Args:
            idx (int): Position in the epoch.
            data_batch (dict): Batch of data from the dataloader.
        """
        super().run_iter(idx, data_batch)
        if self._is_val_point():
            self.runner.val_loop.run()
            self.runner.model.train()

    def _is_val_point(self) -> bool:
        return (self.runner.val_loop is not None
                and self._iter >= self.val_begin
                and (self._iter % self.val_interval == 0
                     or self._iter == self._max_iters))

    def _is_val_epoch(self) -> bool:
        return False
