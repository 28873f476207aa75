# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/config_maker/similarity.py, and what follows of it."""
import os

import cv2
import numpy as np
import pytest

from semipose_mm.config_maker.recipes import (MANY_PASSES, choose_recipe,
                                              choose_teacher)
from semipose_mm.config_maker.similarity import (ALIKE, FEWEST, Similarity,
                                                 image_similarity,
                                                 nearest_correlation)


def noise(number, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (number, 256))


@pytest.mark.parametrize('number, contrast, brightness', [(2, 0.1, 50),
                                                          (7, 3, -20)])
def test_brightness_contrast_and_order_do_not_matter(number, contrast,
                                                     brightness):
    images = noise(number)
    changed = contrast * images[::-1] + brightness
    assert nearest_correlation(changed) == pytest.approx(
        nearest_correlation(images))


@pytest.mark.parametrize('own, low, high', [(0., 0.999, 1.001),
                                            (60., 0.85, 0.95),
                                            (1000., -0.1, ALIKE)])
def test_more_of_their_own_makes_images_less_similar(own, low, high):
    """Frames of one scene, each with noise of its own."""
    rng = np.random.default_rng(1)
    images = noise(1) + own / 2 * rng.standard_normal((60, 256))
    assert low <= nearest_correlation(images) <= high


def write(folder, images):
    folder.mkdir()
    for i, image in enumerate(images):
        assert cv2.imwrite(str(folder / f'{i:03d}.png'), image)
    return sorted(map(str, folder.iterdir()))


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
    """As many images as are needed, no two of which are similar."""
    images = np.random.default_rng(0).integers(0, 256, (FEWEST, 40, 32, 3))
    return write(tmp_path_factory.mktemp('some') / 'images', images)


def test_photographs_and_a_video(photographs, tmp_path):
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 200, (40, 32, 3))
    video = write(tmp_path / 'video',
                  scene + rng.integers(0, 50, (FEWEST, 40, 32, 3)))
    found = image_similarity(photographs)
    assert found.median < ALIKE < image_similarity(video).median
    assert found.number == FEWEST


def test_what_does_not_count(photographs, tmp_path):
    """Neither what cannot be read, nor one color, nor an image twice."""
    odd = dict(
        tiny=np.zeros((1, 1, 3), np.uint8),
        black=np.zeros((40, 32, 3), np.uint8),
        white=np.full((40, 32), 255, np.uint8),
        deep=np.zeros((40, 32), np.uint16))
    others = write(tmp_path / 'odd', odd.values())
    for name, content in (('text.png', b'text'), ('empty.png', b'')):
        (tmp_path / name).write_bytes(content)
        others.append(str(tmp_path / name))
    others.append(str(tmp_path / 'missing.png'))
    os.mkfifo(tmp_path / 'pipe.png')
    others.append(str(tmp_path / 'pipe.png'))
    assert image_similarity(others + photographs[::-1] + photographs) == \
        pytest.approx(image_similarity(photographs))
    assert image_similarity(others + photographs[1:]) is None
    assert image_similarity([]) is None


def test_images_of_any_kind(photographs, tmp_path):
    """With alpha, of 16 bits, gray, and with a name that is no text."""
    rng = np.random.default_rng(1)
    odd = [
        rng.integers(0, 256, (40, 32, 4), np.uint8),
        rng.integers(0, 65536, (40, 32), np.uint16),
        rng.integers(0, 256, (3, 2), np.uint8)
    ]
    others = write(tmp_path / 'odd', odd)
    named = os.fsencode(tmp_path) + b'/\xe9.png'
    os.rename(others[2], named)
    found = image_similarity([*photographs, *others[:2], os.fsdecode(named)])
    assert found.number == FEWEST + 3


LATE, EARLY = 'from three quarters', 'from the half'


@pytest.mark.parametrize('alike, passes, model, start, told', [
    (None, 9999, 'labels_then_ema', 'labels_then_ema', 'fewer than 100'),
    (ALIKE, 9999, 'labels_then_ema', 'labels_then_ema', 'nearest of 123 is'),
    (ALIKE - 0.01, MANY_PASSES - 1, 'labels_then_following_ema',
     'labels_then_ema', f'seen {MANY_PASSES - 1} times'),
    (ALIKE - 0.01, MANY_PASSES, 'labels_then_following_ema',
     'labels_then_following_ema', 'which follows on'),
])
def test_the_teacher_is_chosen_by_it(alike, passes, model, start, told):
    recipe = choose_teacher(
        choose_recipe(None, True, False), alike and Similarity(alike, 123),
        passes)
    assert (recipe.model, recipe.hooks) == (model, f'{start}_hooks')
    assert told in recipe.teacher
    assert (EARLY
            if start == model != 'labels_then_ema' else LATE) in recipe.teacher


def test_other_recipes_have_their_own_teachers():
    recipe = choose_recipe('posedual', True, False)
    assert choose_teacher(recipe, Similarity(0., 123), 999) == recipe
