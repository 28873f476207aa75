# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/config_maker/likeness.py, and of what follows of it."""
import cv2
import numpy as np
import pytest

from semipose_mm.config_maker.likeness import (ALIKE, FEWEST, SAMPLE,
                                               image_likeness, likeness)
from semipose_mm.config_maker.recipes import choose_recipe, choose_teacher


def noise(number, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (number, 16, 16))


@pytest.mark.parametrize('number, contrast, brightness', [(2, 0.1, 50),
                                                          (7, 3, -20)])
def test_brightness_contrast_and_order_do_not_matter(number, contrast,
                                                     brightness):
    images = noise(number)
    assert likeness(contrast * images[::-1] + brightness) == pytest.approx(
        likeness(images))


@pytest.mark.parametrize('own, low, high', [(0., 0.999, 1.001),
                                            (60., 0.85, 0.95),
                                            (1000., -0.1, ALIKE)])
def test_more_of_their_own_makes_images_less_alike(own, low, high):
    """Frames of one scene, each with noise of its own."""
    rng = np.random.default_rng(1)
    scene = noise(1)
    found = likeness(scene + own / 2 * rng.standard_normal((60, 16, 16)))
    assert low <= found <= high


def test_images_of_one_gray_value_are_like_no_other():
    assert likeness(np.full((5, 16, 16), 9.)) == 0


def write(folder, images):
    folder.mkdir()
    for i, image in enumerate(images):
        picture = cv2.resize(image, (64, 48), interpolation=cv2.INTER_NEAREST)
        assert cv2.imwrite(str(folder / f'{i:03d}.png'), picture)
    return sorted(map(str, folder.iterdir()))


def test_files(tmp_path):
    photographs = write(tmp_path / 'photographs', noise(FEWEST))
    video = write(tmp_path / 'video', noise(1) + noise(FEWEST, 2) / 9)
    unreadable = tmp_path / 'text.png'
    unreadable.write_text('text')
    assert image_likeness(photographs) < ALIKE < image_likeness(video)
    # neither what cannot be read counts, nor an image twice
    assert image_likeness([*video[::-1], *video,
                           str(unreadable)
                           ]) == pytest.approx(image_likeness(video))
    assert image_likeness([*video[1:], str(unreadable)]) is None
    assert image_likeness([]) is None


@pytest.mark.parametrize('alike, base, told', [
    (None, 'labels_then_ema', 'too few unlabeled images'),
    (ALIKE, 'labels_then_ema', f'nearest of {SAMPLE} have a correlation of '
     '0.75'),
    (ALIKE - 0.01, 'labels_then_following_ema', 'follows on'),
])
def test_the_teacher_is_chosen_by_it(alike, base, told):
    recipe = choose_teacher(choose_recipe(None, True, False), alike)
    assert recipe.base == base and told in recipe.teacher


def test_other_recipes_have_their_own_teachers():
    recipe = choose_recipe('posedual', True, False)
    assert choose_teacher(recipe, 0.) == recipe
