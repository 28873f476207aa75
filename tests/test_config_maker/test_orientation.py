# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/config_maker/orientation.py."""
import numpy as np
import pytest

from semipose_mm.config_maker.orientation import orientation_spread


def turned_poses(angles, seed=0, noise=0.05, hidden=0.2):
    """One pose of nine joints, turned, moved, scaled and half seen."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(size=9) + 1j * rng.normal(size=9)
    shape = (len(angles), 9)
    noise = noise * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
    poses = (pose + noise) * np.exp(1j * np.radians(angles))[:, None]
    poses *= rng.uniform(20, 200, len(angles))[:, None]
    poses += rng.uniform(0, 500, len(angles))[:, None] * (1 + 1j)
    seen = rng.random(shape) > hidden
    return np.stack([poses.real * seen, poses.imag * seen, 2. * seen], -1)


@pytest.mark.parametrize('spread', [2., 15., 40.])
@pytest.mark.parametrize('seed', range(3))
def test_the_spread_is_that_of_the_angles(spread, seed):
    angles = np.random.default_rng(seed).normal(0, spread, 400)
    found = orientation_spread(turned_poses(angles, seed))
    assert found == pytest.approx(spread, rel=0.2, abs=0.5)


def test_any_orientation_is_the_widest_spread():
    angles = np.random.default_rng(0).uniform(-180, 180, 400)
    assert orientation_spread(turned_poses(angles)) > 100


def test_it_does_not_matter_how_all_are_turned():
    angles = np.random.default_rng(0).normal(0, 10, 50)
    first, second = (
        orientation_spread(turned_poses(angles + more)) for more in (0, 170))
    assert first == pytest.approx(second)


def test_few_poses_tell_nothing():
    poses = turned_poses(np.zeros(8))
    assert orientation_spread(poses[:4]) is None
    poses[4:, 2:, 2] = 0
    assert orientation_spread(poses) is None
    assert orientation_spread(np.zeros((8, 9, 3))) is None
