# Copyright (c) semipose_mm authors.
"""Tests of the scores of frames, and of what is chosen by them."""
import numpy as np
import pytest
from next_toys import NAMES

from semipose_mm.label_next.candidates import Candidates, Subject
from semipose_mm.label_next.choosing import CHOSEN, choose
from semipose_mm.label_next.scoring import ranks, score
from semipose_mm.videos.choosing import clusters


def candidates(points, scores, networks, side=100.):
    num = points.shape[1]
    boxes = np.tile([0., 0., side, side / 2], (num, 1))
    return Candidates([], 'toy', networks, Subject(NAMES, [], None, 'mouse'),
                      np.zeros(num, int), np.arange(num), np.full(
                          (num, 2), 100), boxes, points, scores)


@pytest.mark.parametrize('seed', range(5))
def test_ranks_are_shares_of_the_others(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9, 30).astype(float)
    values[rng.random(30) < .2] = np.nan
    found = ranks(values)
    known = values[~np.isnan(values)]
    for value, rank in zip(values, found):
        if np.isnan(value):
            assert np.isnan(rank)
            continue
        less, same = (known < value).sum(), (known == value).sum() - 1
        assert rank == pytest.approx((less + same / 2) / (len(known) - 1))
    assert np.allclose(
        ranks(np.exp(values)), found, equal_nan=True)  # any unit will do


def test_scores_are_of_the_networks_that_are_no_mean():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 50, (3, 20, 3, 2))
    scores = rng.uniform(0, 1, (3, 20, 3))
    names = ['net0', 'net1', 'ensemble']
    found = score(candidates(points, scores, names), (1, 3))
    apart = np.linalg.norm(points[0] - points[1], axis=-1).mean(1)
    # in parts of the longer side of the box
    assert np.allclose(found.disagreement, apart / 100)
    sure = scores[:2].mean((0, 2))
    assert np.allclose(found.score, sure)
    assert np.allclose(found.value, (ranks(apart) + 3 * ranks(1 - sure)) / 4)
    alone = score(candidates(points[:1], scores[:1], names[:1]), (1, 0))
    assert alone.disagreement is None
    assert np.allclose(alone.value, ranks(-scores[0].mean(1)))


def choice(value,
           poses,
           num,
           places=None,
           barred=None,
           labeled=(),
           gap=5,
           pool=10):
    total = len(value)
    return choose(
        np.array(value,
                 float), poses, places or [('v', i) for i in range(total)],
        barred or [''] * total, labeled, num, gap, pool)


@pytest.mark.parametrize('seed', range(8))
def test_the_chosen_are_the_best_of_each_cluster(seed):
    rng = np.random.default_rng(seed)
    value, poses = rng.random(200), rng.random((200, 3, 2))
    labeled = [('v', 40), ('w', 100), ('v', -1)]
    barred = ['' if one > .1 else 'no pose' for one in rng.random(200)]
    found = choice(value, poses, 6, barred=barred, labeled=labeled)
    numbers = found.chosen
    assert len(numbers) == 6 and (np.diff(numbers) >= 5).all()
    assert (np.abs(numbers - 40) >= 5).all()
    best = np.flatnonzero(found.cluster >= 0)
    assert len(best) == 10 and not {barred[i] for i in best} - {''}
    for i in numbers:
        own = best[found.cluster[best] == found.cluster[i]]
        assert value[i] == value[own].max()
        assert found.reasons[i] == CHOSEN
    assert len(set(found.cluster[numbers])) == 6
    # whoever was left out for being near has a better one so near
    for i, reason in enumerate(found.reasons):
        words = reason.split()
        if reason.startswith('near to the better'):
            other = int(words[-1])
            assert value[other] >= value[i] and abs(other - i) < 5
        elif reason.startswith('near to the labeled'):
            assert abs(40 - i) < 5
        elif reason.startswith('not among'):
            assert value[i] <= value[best].min()


def test_frames_of_two_kinds_of_pose_are_chosen_one_of_each():
    poses = np.zeros((40, 3, 2))
    poses[30:] = 5.
    value = np.linspace(1, 0, 40)
    # by value alone frames 0 and 5 would be first
    assert choice(value, poses, 2).chosen.tolist() == [0, 30]


def test_equal_poses_do_not_make_fewer_frames():
    found = choice(np.linspace(1, 0, 60), np.zeros((60, 3, 2)), 4)
    assert len(found.chosen) == 4


def test_other_videos_and_unnumbered_images_are_not_near():
    places = [('v', 1), ('w', 1), ('u', -1), ('u', -1)]
    found = choice([4, 3, 2, 1], np.zeros((4, 3, 2)), 4, places)
    assert found.chosen.tolist() == [0, 1, 2, 3]
    found = choice([4, 3, 2, 1], np.zeros((4, 3, 2)), 4, [('v', 1)] * 4)
    assert found.chosen.tolist() == [0]


def test_clusters_are_the_nearest_centers():
    rng = np.random.default_rng(0)
    features = np.float32(rng.random((50, 4)))
    owners, away = clusters(features, 5)
    centers = np.stack([features[owners == i].mean(0) for i in range(5)])
    distances = ((features[:, None] - centers)**2).sum(2)
    assert (owners == distances.argmin(1)).all()
    assert np.allclose(away, distances.min(1), atol=1e-5)
