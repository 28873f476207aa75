# Copyright (c) semipose_mm authors.
"""The photometric operations of RandAugment, as pure functions.

Every operation takes a PIL image in RGB, the magnitude as a share of
its largest value (0 to 1), and uniform variates in [0, 1): the first
decides signs, the others places. What torchvision and Pillow have is
theirs.
"""
from typing import Callable, Dict, Sequence

import numpy as np
from PIL import Image, ImageDraw
from torchvision.transforms import functional as F

Operation = Callable[[Image.Image, float, Sequence[float]], Image.Image]

#: Uniform variates that an operation may use.
NUM_UNIFORMS = 3
#: Largest change of a factor, Color to Sharpness.
MAX_FACTOR = 0.9
#: Largest value that SolarizeAdd adds.
MAX_ADDITION = 110
#: Largest side of CutoutAbs in pixels, and what it fills in (RGB).
MAX_SIDE = 80
FILL = (125, 123, 114)


def auto_contrast(image, share, uniforms):
    """Stretch every channel to the whole range."""
    return F.autocontrast(image)


def equalize(image, share, uniforms):
    """Equalize the histogram of every channel."""
    return F.equalize(image)


def invert(image, share, uniforms):
    """Turn every value v into 255 - v."""
    return F.invert(image)


def posterize(image, share, uniforms):
    """Keep the upper bits: 6 at magnitude 0, 2 at the largest."""
    return F.posterize(image, max(2, 6 - int(4 * share)))


def solarize(image, share, uniforms):
    """Invert the values from a threshold on: 256 at magnitude 0, then 0."""
    return F.solarize(image, 256 * (1 - share))


def solarize_add(image, share, uniforms):
    """Brighten by up to 110, then invert the values from 128 on."""
    values = np.asarray(image) + MAX_ADDITION * share
    brighter = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return F.solarize(brighter, 128)


def _factor(share: float, uniforms: Sequence[float]) -> float:
    """1 plus or minus the magnitude."""
    return 1 + (
        MAX_FACTOR * share if uniforms[0] < 0.5 else -MAX_FACTOR * share)


def color(image, share, uniforms):
    """Blend with the gray image; a factor above 1 moves away from it."""
    return F.adjust_saturation(image, _factor(share, uniforms))


def contrast(image, share, uniforms):
    """Blend with the mean gray value."""
    return F.adjust_contrast(image, _factor(share, uniforms))


def brightness(image, share, uniforms):
    """Blend with black."""
    return F.adjust_brightness(image, _factor(share, uniforms))


def sharpness(image, share, uniforms):
    """Blend with the smoothed image."""
    return F.adjust_sharpness(image, _factor(share, uniforms))


def cutout_abs(image, share, uniforms):
    """Fill a square of up to 80 pixels about a random point."""
    side = MAX_SIDE * share
    if side <= 0:
        return image
    left, top = (int(max(0, u * size - side / 2))
                 for u, size in zip(uniforms[1:], image.size))
    image = image.copy()
    # inclusive of its last row and column, as in the released code
    ImageDraw.Draw(image).rectangle((left, top, min(
        image.width, left + side), min(image.height, top + side)), FILL)
    return image


OPERATIONS: Dict[str, Operation] = dict(
    AutoContrast=auto_contrast,
    Brightness=brightness,
    Color=color,
    Contrast=contrast,
    Equalize=equalize,
    Invert=invert,
    Posterize=posterize,
    Sharpness=sharpness,
    Solarize=solarize,
    SolarizeAdd=solarize_add,
    CutoutAbs=cutout_abs)
