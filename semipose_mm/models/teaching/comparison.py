# Copyright (c) semipose_mm authors.
"""What goes from one stage of the training step to the next."""
from typing import Any, Callable, NamedTuple, Optional, Union

from torch import Tensor

from .plan import Route


class Taught(NamedTuple):
    """What the teachers of a route say of the easy view.

    Attributes:
        output: One output of all of them.
        peaks (Tensor): Where it sees joints, (U, K, 2) in input pixels.
        kept (Tensor, optional): Weights (U, K) of the route's selection.
    """
    output: Any
    peaks: Tensor
    kept: Optional[Tensor]


class Comparison(NamedTuple):
    """Images for a student, and what it shall say of them.

    Attributes:
        student (int): Number of the network.
        term (str): ``'sup'`` or ``'unsup'``.
        images (Tensor): (N, 3, H, W), normalized.
        target: In the form of an output.
        weights (Tensor): (N, K) or (N, K, h, w).
        factor (float | Tensor): Weight of the loss.
        restore (Callable, optional): What features go through.
        view (int): Number of the view. Defaults to 0
        route (Route, optional): Of unlabeled images. Defaults to ``None``
        kept (Tensor, optional): See :class:`Taught`. Defaults to ``None``
    """
    student: int
    term: str
    images: Tensor
    target: Any
    weights: Tensor
    factor: Union[float, Tensor]
    restore: Optional[Callable] = None
    view: int = 0
    route: Optional[Route] = None
    kept: Optional[Tensor] = None
