# Copyright (c) semipose_mm authors.
"""A network's training pass, which may be compiled."""
import copy
from typing import Any, Callable, Collection

import torch
from torch import Tensor


class NetworkPass:
    """From images to the output of a network in training.

    Args:
        function (Callable): Runs the network on images (N, 3, H, W).
    """

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        self._function = self._compiled = function
        self._sizes = {True: (), False: ()}

    def compile(self, student: Collection[int], teacher: Collection[int],
                **kwargs) -> None:
        """Compile the pass for the usual batches.

        Batches of another size, such as the last one of an epoch, run as
        before, since each new size would be compiled anew.

        Args:
            student (Collection[int]): Images of the usual batches with
                gradient.
            teacher (Collection[int]): Those of the ones without.
            **kwargs: Arguments of ``torch.compile``.
        """
        self._compiled = torch.compile(self._function, dynamic=False, **kwargs)
        self._sizes = {True: tuple(student), False: tuple(teacher)}

    def __deepcopy__(self, memo: dict) -> 'NetworkPass':
        """A pass of the copied network, not compiled."""
        return NetworkPass(copy.deepcopy(self._function, memo))

    def __call__(self, images: Tensor) -> Any:
        """The output for images (N, 3, H, W)."""
        usual = len(images) in self._sizes[torch.is_grad_enabled()]
        return (self._compiled if usual else self._function)(images)
