# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/config_maker/pose_spread.py."""
import numpy as np
import pytest

from semipose_mm.config_maker.pose_spread import (PoseSpread, crop_bounds,
                                                  pose_spread)


def turned_poses(angles, scales=1., seed=0, noise=0.05, hidden=0.2):
    """One pose of nine joints in boxes, turned, moved, scaled, half seen."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(size=9) + 1j * rng.normal(size=9)
    shape = (len(angles), 9)
    noise = noise * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
    poses = (pose + noise) * np.exp(1j * np.radians(angles))[:, None]
    boxes = rng.uniform(20, 200, (len(angles), 4))
    poses *= (boxes[:, 2:].max(1) * scales)[:, None]
    poses += rng.uniform(0, 500, len(angles))[:, None] * (1 + 1j)
    seen = rng.random(shape) > hidden
    return np.stack([poses.real * seen, poses.imag * seen, 2. * seen],
                    -1), boxes


@pytest.mark.parametrize('angle, scale', [(2., 0.1), (15., 0.02), (40., 0.3)])
@pytest.mark.parametrize('seed', range(3))
def test_the_spread_is_that_of_angles_and_sizes(angle, scale, seed):
    rng = np.random.default_rng(seed)
    found = pose_spread(*turned_poses(
        rng.normal(0, angle, 400), np.exp(rng.normal(0, scale, 400)), seed))
    assert found.angle == pytest.approx(angle, rel=0.2, abs=0.5)
    assert found.scale == pytest.approx(scale, rel=0.2, abs=0.03)


def test_any_orientation_is_the_widest_spread():
    angles = np.random.default_rng(0).uniform(-180, 180, 400)
    assert pose_spread(*turned_poses(angles)).angle > 100


def test_it_does_not_matter_how_all_are_turned():
    angles = np.random.default_rng(0).normal(0, 10, 50)
    first, second = (
        pose_spread(*turned_poses(angles + more)) for more in (0, 170))
    assert first == pytest.approx(second)


def test_few_poses_tell_nothing():
    poses, boxes = turned_poses(np.zeros(8))
    assert pose_spread(poses[:4], boxes[:4]) is None
    poses[4:, 2:, 2] = 0
    assert pose_spread(poses, boxes) is None
    assert pose_spread(np.zeros((8, 9, 3)), boxes) is None


def test_bounds_of_crops():
    assert crop_bounds(PoseSpread(12., 0.1)) == (36, 0.3)
    assert crop_bounds(PoseSpread(2., 0.01)) == (20, 0.15)
    assert crop_bounds(PoseSpread(170., 3.)) == (80, 0.35)
    low, middle, high = map(crop_bounds,
                            (PoseSpread(0., 0.), None, PoseSpread(180., 9.)))
    assert all(a < b < c for a, b, c in zip(low, middle, high))
