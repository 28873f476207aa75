# Copyright (c) semipose_mm authors.
"""Parts of a training, said in iterations or as a share of it."""
from typing import Union


def to_iterations(value: Union[int, float], iterations: int) -> int:
    """A number of iterations.

    Args:
        value (int | float): Iterations, or a float below 1: a share.
        iterations (int): Those of the whole training.
    """
    if isinstance(value, float) and value < 1:
        return round(value * iterations)
    return int(value)
