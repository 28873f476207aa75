# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/seeding.py."""
import random

import numpy as np
import pytest
import torch

from semipose_mm.datasets import seeded, stream


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def draw_seeded(*path):
    with seeded(*path):
        return draw()


def test_same_path_same_draws():
    first = draw_seeded(7, 1)
    draw()
    assert draw_seeded(7, 1) == first


def test_other_path_other_draws():
    draws = [
        draw_seeded(*path) for path in ((7, 1), (7, 2), (8, 1), (7, 1, 3))
    ]
    for generator in zip(*draws):
        assert len(set(generator)) == len(draws)


def test_global_state_is_undisturbed():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    expected = draw(), draw()

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    first = draw()
    with pytest.raises(KeyError):
        with seeded(1):
            draw()
            raise KeyError
    assert (first, draw()) == expected


def test_large_seeds():
    assert draw_seeded(2**63 - 1, 0) != draw_seeded(2**31 - 1, 0)


def test_stream():
    assert stream(3, 4).integers(1 << 30) == stream(3, 4).integers(1 << 30)
    assert stream(3, 4).integers(1 << 30) != stream(4, 3).integers(1 << 30)
