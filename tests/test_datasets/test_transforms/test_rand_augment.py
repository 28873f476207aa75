# Copyright (c) semipose_mm authors.
"""Tests of RandAugment and TrivialAugment."""
from collections import Counter

import numpy as np
import pytest
from mmpose.registry import TRANSFORMS
from PIL import Image

from semipose_mm.datasets.seeding import seeded
from semipose_mm.datasets.transforms import (EasyHardPair, RandAugment,
                                             TrivialAugment)
from semipose_mm.datasets.transforms.photometric import OPERATIONS


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256,
                                             (60, 50, 3)).astype(np.uint8)


def names_drawn(transform, times):
    """Operations that are drawn, and their order in a draw."""
    with seeded(0):
        draws = [tuple(transform._draw()[0]) for _ in range(times)]
    return draws


def test_draws_are_uniform_and_with_replacement():
    draws = names_drawn(RandAugment(), 4000)
    assert all(len(draw) == 2 for draw in draws)
    counts = Counter(name for draw in draws for name in draw)
    assert set(counts) == set(OPERATIONS)
    assert max(abs(n - 8000 / 11) for n in counts.values()) < 110
    twice = sum(a == b for a, b in draws)
    assert abs(twice - 4000 / 11) < 75


def test_signs_are_even():
    transform = RandAugment()
    with seeded(1):
        signs = [transform._draw()[1][0, 0] < 0.5 for _ in range(2000)]
    assert 900 < sum(signs) < 1100


def test_works_in_rgb(image):
    """A cutout's color is given in RGB, images are BGR."""
    transform = RandAugment(num_ops=1, ops=['CutoutAbs'])
    image[:] = 0
    out = transform(dict(img=image))['img']
    found = {tuple(v) for v in out.reshape(-1, 3).tolist()}
    assert found == {(0, 0, 0), (114, 123, 125)} or \
        found == {(114, 123, 125)}
    assert out.flags['C_CONTIGUOUS'] and out.dtype == np.uint8


def test_magnitude_reaches_the_operations(image):
    transform = TRANSFORMS.build(
        dict(type='RandAugment', num_ops=1, magnitude=10, ops=['Posterize']))
    out = transform(dict(img=image.copy()))['img']
    assert np.array_equal(out, image & 0b11111000)


def test_a_function_of_the_seed(image):

    def run(seed):
        with seeded(seed):
            return RandAugment()(dict(img=image.copy()))['img']

    assert np.array_equal(run(3), run(3))
    assert any(not np.array_equal(run(3), run(s)) for s in range(4, 8))


def test_trivial_augment_draws_one_operation_and_its_magnitude():
    transform = TrivialAugment(magnitude=20)
    with seeded(0):
        draws = [transform._draw() for _ in range(4000)]
    assert all(map(len, zip(*draws)))
    counts = Counter(name for (name, ), _, _ in draws)
    assert set(counts) == set(OPERATIONS)
    assert max(abs(n - 4000 / 11) for n in counts.values()) < 80
    magnitudes = np.array([magnitude for _, _, (magnitude, ) in draws])
    shares = np.histogram(magnitudes, 4, (0, 20))[0] / 4000
    assert abs(shares - 0.25).max() < 0.025


def test_trivial_augment_applies_what_it_draws(image):
    transform = TrivialAugment()
    with seeded(4):
        (name, ), (uniforms, ), (magnitude, ) = transform._draw()
    with seeded(4):
        out = transform(dict(img=image.copy()))['img']
    expected = OPERATIONS[name](Image.fromarray(image[..., ::-1].copy()),
                                magnitude / 30, uniforms)
    assert np.array_equal(out, np.asarray(expected)[..., ::-1])
    assert not np.array_equal(out, image)


def test_rand_augment_draws_as_ever():
    """Results of earlier seeds stay."""
    transform = RandAugment()
    with seeded(0):
        names = transform._draw()[0]
        following = np.random.rand()
    with seeded(0):
        numbers = np.random.randint(11, size=2)
        np.random.rand(2, 3)
        assert following == np.random.rand()
    assert names == [list(OPERATIONS)[i] for i in numbers]


@pytest.mark.parametrize('kind', [RandAugment, TrivialAugment])
def test_as_a_source_of_hard_views(image, kind):
    """The easy view stays, and the twin is the augmented crop."""
    pair = EasyHardPair(sources=dict(randaug=[dict(type=kind.__name__)]))
    results = dict(
        img=image,
        img_shape=image.shape[:2],
        input_size=(50, 60),
        bbox=np.zeros((1, 4), np.float32))
    with seeded(5):
        views = pair(results)['inputs']
    with seeded(5):
        twin = kind()(dict(img=image.copy()))['img']
    assert np.array_equal(views['easy'].permute(1, 2, 0), image)
    assert np.array_equal(views['randaug'].permute(1, 2, 0), twin)


@pytest.mark.parametrize('cfg, words', [
    (dict(num_ops=0), 'num_ops=0'),
    (dict(magnitude=31), r'magnitude=31; it must be in \[0, 30\]'),
    (dict(ops=['Rotate']), 'Rotate.*AutoContrast'),
    (dict(ops=[]), 'one or more of'),
])
def test_mistakes(cfg, words):
    with pytest.raises(ValueError, match=words):
        RandAugment(**cfg)


def test_mistakes_of_trivial_augment():
    with pytest.raises(ValueError, match='TrivialAugment got magnitude=-1'):
        TrivialAugment(magnitude=-1)
    with pytest.raises(ValueError, match='TrivialAugment got ops=.*Rotate'):
        TrivialAugment(ops=['Rotate'])


@pytest.mark.parametrize('kind', [RandAugment, TrivialAugment])
def test_other_images_are_refused(kind):
    with pytest.raises(ValueError, match=f'{kind.__name__} needs.*uint8'):
        kind()(dict(img=np.zeros((4, 4, 3), np.float32)))


def test_repr():
    assert repr(RandAugment(num_ops=1, ops=['Invert'])) == \
        "RandAugment(num_ops=1, magnitude=20, ops=['Invert'])"
    assert repr(TrivialAugment(ops=['Invert'])) == \
        "TrivialAugment(magnitude=30, ops=['Invert'])"
