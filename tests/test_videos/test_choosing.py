# Copyright (c) semipose_mm authors.
"""Frames are chosen evenly, by motion, or by what they show."""
import numpy as np
import pytest

from semipose_mm.videos.choosing import (by_kmeans, by_motion, by_stride,
                                         drop_near, motion, thumbnail)


def test_stride():
    assert by_stride(10, 5).tolist() == [1, 3, 5, 7, 9]
    assert by_stride(3, 5).tolist() == [0, 1, 2]
    for total, num in ((994, 300), (7, 4), (1, 1)):
        found = by_stride(total, num)
        assert len(set(found)) == num and 0 <= found[0] <= found[-1] < total
        # as far from the start as from the end
        assert abs(found[0] - (total - 1 - found[-1])) <= 1
        assert np.ptp(np.diff(found)) <= 1 if num > 1 else True


def test_motion_gives_frames_where_it_is():
    moved = np.ones(300)
    moved[:100] = 0
    moved[200:] = 3
    found = by_motion(moved, 40)
    counts = np.histogram(found, [0, 100, 200, 300])[0]
    assert len(found) == 40
    assert counts[0] <= 1
    assert counts.tolist()[1:] == pytest.approx([10, 30], abs=1)


def test_a_cut_is_one_frame():
    moved = np.ones(100)
    moved[0], moved[50] = 0, 1e6
    found = by_motion(moved, 20)
    assert len(found) == 20 and 50 in found
    assert np.diff(found).max() <= 6
    assert by_motion(np.zeros(10), 5).tolist() == [1, 3, 5, 7, 9]
    assert by_motion(moved, 200).tolist() == list(range(100))


def test_motion_of_thumbnails():
    thumbs = np.zeros((5000, 4), np.uint8)
    thumbs[1:, 0] = 8
    thumbs[4500:, 1] = 4
    found = motion(thumbs)
    assert np.flatnonzero(found).tolist() == [1, 4500]
    assert found[[1, 4500]].tolist() == [2, 1]


def test_kmeans_covers_what_is_rare():
    """Poses that are seen in a few frames are chosen, too."""
    rng = np.random.default_rng(0)
    poses = rng.integers(0, 255, (8, 1024))
    shown = np.repeat(np.arange(8), [400, 400, 150, 30, 8, 6, 4, 2])
    rng.shuffle(shown)
    thumbs = np.clip(poses[shown] + rng.normal(0, 2, (1000, 1024)), 0,
                     255).astype(np.uint8)
    found = by_kmeans(thumbs, 8)
    assert sorted(shown[found]) == list(range(8))
    assert (np.diff(found) > 0).all()
    assert (by_kmeans(thumbs, 8) == found).all()
    assert by_kmeans(thumbs[:5], 8).tolist() == [0, 1, 2, 3, 4]
    assert set(shown[by_stride(1000, 8)]) < set(range(4))


def test_brightness_is_no_pose():
    """Flicker of the light makes no clusters of its own."""
    rng = np.random.default_rng(0)
    poses = rng.integers(60, 190, (3, 1024))
    shown = np.arange(300) % 3
    flicker = rng.integers(-50, 50, (300, 1))
    thumbs = (poses[shown] + flicker).astype(np.uint8)
    assert sorted(shown[by_kmeans(thumbs, 3)]) == [0, 1, 2]


def test_near_duplicates():
    thumbs = np.full((60, 1024), 100, np.uint8)
    thumbs[20:40, 5] = 103  # noise
    thumbs[40:, 5] = 120
    thumbs[50:, 6] = 120
    numbers = np.array([0, 10, 30, 45, 46, 59])
    # the frames hardly differ: only what is equal is left out
    kept, near = drop_near(thumbs, numbers)
    assert kept.tolist() == [0, 30, 45, 59] and near == 2
    # as many as there are differ by 3 between frames
    thumbs[1::2, 9] += 3
    kept, near = drop_near(thumbs, numbers)
    assert kept.tolist() == [0, 45, 59] and near == 3
    # and never by more than some levels
    thumbs[1::2, 9] += 100
    kept, near = drop_near(thumbs, np.array([0, 1, 2]))
    assert kept.tolist() == [0, 1] and near == 1


def test_thumbnail():
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[:240] = 200
    found = thumbnail(frame).reshape(32, 32)
    assert found.dtype == np.uint8
    assert (found[:16] == 200).all() and not found[16:].any()
