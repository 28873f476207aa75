# Copyright (c) semipose_mm authors.
"""Random streams of an item: seeds as pure functions of a path of integers.

Workers persist and never hear of a new epoch, so nothing here relies on the
state that a process happens to be in: whoever draws, seeds first.
"""
import random
from contextlib import contextmanager
from typing import Iterator

import numpy as np
import torch


def stream(seed: int, *path: int) -> np.random.Generator:
    """Get the random generator that belongs to a seed and a path.

    Args:
        seed (int): A non-negative seed.
        *path (int): Non-negative numbers that tell the streams of one seed
            apart. Trailing zeros do not count.

    Returns:
        np.random.Generator: The generator, at its start.
    """
    return np.random.default_rng(np.random.SeedSequence((seed, *path)))


def seed_globals(seed: int, *path: int) -> None:
    """Seed the global generators of python, numpy and torch (CPU).

    Args:
        seed (int): A non-negative seed.
        *path (int): See :func:`stream`.
    """
    words = np.random.SeedSequence((seed, *path)).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)
    # `torch.manual_seed` would reseed the accelerators as well.
    torch.default_generator.manual_seed(int(words[0]) << 31 ^ int(words[1]))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Restore the states of the global generators behind a block.

    That is also done after an exception, so that loading data in the
    training process (``num_workers=0``) does not disturb what the training
    draws.
    """
    states = (random.getstate(), np.random.get_state(),
              torch.default_generator.get_state())
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])


@contextmanager
def seeded(seed: int, *path: int) -> Iterator[None]:
    """Seed the global generators for a block, see :func:`undisturbed`.

    Args:
        seed (int): A non-negative seed.
        *path (int): See :func:`stream`.
    """
    with undisturbed():
        seed_globals(seed, *path)
        yield
