# Copyright (c) semipose_mm authors.
"""A hook that ends a training when somebody outside asks for it."""
from typing import Callable, Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner


class StopOnRequestHook(Hook):
    """Stop a training, or a validation in it, when asked to.

    The loops of this package agree on the iteration over all ranks, and
    ``SafeCheckpointHook`` saves it. It is registered by the program that
    hears the request, not by configs.

    Args:
        requested (Callable): Returns what asks for the end, such as
            ``'SIGUSR1'``, or None. Called in every iteration.
        listen (Callable, optional): Called when the training loop begins,
            before data workers are started: from then on an end can be asked
            for. Defaults to None
    """

    def __init__(self,
                 requested: Callable[[], Optional[str]],
                 listen: Optional[Callable[[], None]] = None) -> None:
        self.requested = requested
        self.listen = listen
        self._told = False

    def before_train(self, runner: Runner) -> None:
        """Listen from now on.

        Args:
            runner (Runner): Not used.
        """
        if self.listen is not None:
            self.listen()

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Pass a request on.

        Args:
            runner (Runner): The runner of the training process.
            batch_idx (int): Not used.
            data_batch (dict, optional): Not used. Defaults to ``None``
            outputs (dict, optional): Not used. Defaults to ``None``
        """
        request = self.requested()
        if request is None:
            return
        runner.train_loop.stop_training = True
        if not self._told:
            self._told = True
            again = ' Ctrl-C once more ends it at once, without saving.' \
                if request == 'SIGINT' else ''
            runner.logger.warning(f'{request} asks for the end of the '
                                  f'training.{again}')

    # a validation is given up
    after_val_iter = after_train_iter
