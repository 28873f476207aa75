# Copyright (c) semipose_mm authors.
"""Tests of the photometric operations against their definitions."""
import numpy as np
import pytest
from PIL import Image

from semipose_mm.datasets.transforms.photometric import OPERATIONS

#: Magnitude 20 of 30, as in the paper's recipe.
SHARE = 20 / 30
UP, DOWN = (0.2, 0.5, 0.5), (0.7, 0.5, 0.5)


@pytest.fixture
def image():
    """Noise whose channels have ranges of their own, RGB (40, 30, 3)."""
    rng = np.random.default_rng(0)
    return np.stack([
        rng.integers(*limits, (40, 30))
        for limits in ((10, 200), (60, 250), (0, 256))
    ], -1).astype(np.uint8)


def apply(name, image, share=SHARE, uniforms=UP):
    """The operation on arrays."""
    picture = OPERATIONS[name](Image.fromarray(image), share, uniforms)
    return np.asarray(picture).astype(float)


def solarized(values, threshold):
    """Values from the threshold on are inverted."""
    return np.where(values < threshold, values, 255 - values)


def gray(image):
    """ITU-R 601 luma."""
    return image.astype(float) @ [0.299, 0.587, 0.114]


def test_there_are_eleven():
    assert len(OPERATIONS) == 11


@pytest.mark.parametrize('name', OPERATIONS)
@pytest.mark.parametrize('share', [0., 1 / 3, SHARE, 1.])
def test_size_and_source_stay(name, share, image):
    before = image.copy()
    out = OPERATIONS[name](Image.fromarray(image), share, DOWN)
    assert out.mode == 'RGB' and out.size == (30, 40)
    assert np.array_equal(image, before)


def test_auto_contrast(image):
    low, high = image.min((0, 1)), image.max((0, 1))
    stretched = (image - low.astype(float)) / (high - low) * 255
    assert np.abs(apply('AutoContrast', image) - stretched).max() <= 1


def test_equalize():
    """Values become their ranks: each channel is spread evenly."""
    rng = np.random.default_rng(0)
    image = rng.normal(120, (10, 30, 60), (300, 200, 3)).clip(0, 255)
    image = image.astype(np.uint8)
    out = apply('Equalize', image)
    for c in range(3):
        assert out[..., c].min() <= 3 and out[..., c].max() == 255
        order = np.argsort(image[..., c].ravel(), kind='stable')
        assert (np.diff(out[..., c].ravel()[order]) >= 0).all()
        shares = np.histogram(out[..., c], 4, (0, 256))[0] / 60000
        assert np.abs(shares - 1 / 4).max() < 0.04


def test_invert(image):
    assert np.array_equal(apply('Invert', image), 255 - image)


@pytest.mark.parametrize('magnitude, bits', [(0, 6), (10, 5), (20, 4),
                                             (30, 2)])
def test_posterize(image, magnitude, bits):
    out = apply('Posterize', image, magnitude / 30)
    assert np.array_equal(out, image >> (8 - bits) << (8 - bits))


@pytest.mark.parametrize('magnitude, threshold', [(0, 256), (10, 170.7),
                                                  (20, 85.3), (30, 0)])
def test_solarize(image, magnitude, threshold):
    out = apply('Solarize', image, magnitude / 30)
    assert np.array_equal(out, solarized(image, threshold))


@pytest.mark.parametrize('magnitude, addition', [(0, 0), (10, 36.7),
                                                 (20, 73.3)])
def test_solarize_add(image, magnitude, addition):
    brighter = np.floor((image + addition).clip(0, 255))
    out = apply('SolarizeAdd', image, magnitude / 30)
    assert np.array_equal(out, solarized(brighter, 128))


@pytest.mark.parametrize('uniforms, factor', [(UP, 1.6), (DOWN, 0.4)])
def test_factors(image, uniforms, factor):
    """Pillow's enhancements: blends with a degenerate image."""
    smooth = image.astype(float)
    inner = sum(image[1 + y:39 + y, 1 + x:29 + x].astype(float)
                for y in (-1, 0, 1) for x in (-1, 0, 1))
    smooth[1:-1, 1:-1] = (inner + 4. * image[1:-1, 1:-1]) / 13
    degenerate = dict(
        Color=gray(image)[..., None],
        Contrast=np.full(image.shape, round(gray(image).mean())),
        Brightness=np.zeros(image.shape),
        Sharpness=smooth)
    for name, base in degenerate.items():
        blend = (base + factor * (image - base)).clip(0, 255)
        error = np.abs(apply(name, image, uniforms=uniforms) - blend).max()
        # both are rounded to whole values
        assert error < 1 + factor, name


@pytest.mark.parametrize('magnitude, side', [(10, 26.7), (20, 53.3)])
def test_cutout(magnitude, side):
    image = np.zeros((200, 150, 3), np.uint8)
    out = apply('CutoutAbs', image, magnitude / 30, (0.9, 0.4, 0.5))
    rows, columns = np.nonzero(out.any(-1))
    assert (out[rows, columns] == (125, 123, 114)).all()
    left, top = int(0.4 * 150 - side / 2), int(0.5 * 200 - side / 2)
    assert (columns.min(), rows.min()) == (left, top)
    assert (columns.max(), rows.max()) == (int(left + side), int(top + side))
    assert len(rows) == (int(side) + 1)**2


def test_cutout_at_the_border():
    """At the top and left it is pushed inside, elsewhere cut off."""
    image = np.zeros((200, 150, 3), np.uint8)
    corner = apply('CutoutAbs', image, SHARE, (0, 0., 0.)).any(-1)
    assert corner[:54, :54].all() and corner.sum() == 54**2
    corner = apply('CutoutAbs', image, SHARE, (0, 0.999, 0.999)).any(-1)
    assert corner[-1, -1] and corner.sum() < 30**2
