# Copyright (c) semipose_mm authors.
"""Cluttered backgrounds, objects in front, and what a camera does."""
from typing import Tuple

import cv2
import numpy as np

from .drawing import Canvas, Fabric, noise, random_color, random_fabric

NEAREST = -1e6


def make_background(rng: np.random.Generator, width: int,
                    height: int) -> np.ndarray:
    """Wall and floor, things of many shapes, limb-like distractors."""
    small = np.stack([random_color(rng) for _ in range(6)]).reshape(3, 2, 3)
    mean = small.mean((0, 1))
    small = mean + (small - mean) * rng.uniform(.15, .8)
    # Most walls, floors and landscapes are nearly gray.
    gray = small.mean(-1, keepdims=True)
    small = gray + (small - gray) * np.float32(rng.uniform(.05, .6))
    image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < .5:
        horizon = int(height * rng.uniform(.5, .95))
        floor = _texture(rng, width, height - horizon)
        image[horizon:] = .3 * image[horizon:] + .7 * floor
    if rng.random() < .3:
        image = .55 * image + .45 * _texture(rng, width, height)
    size = min(width, height)
    for _ in range(int(rng.integers(3, 20))):
        mask = _shape(rng, width, height, size * rng.uniform(.04, .35))
        _fill(rng, image, mask, rng.uniform(.3, .9))
    canvas = Canvas(np.clip(image, 0, 255), np.array([-.4, -.5, -.77]), .6)
    for _ in range(int(rng.integers(0, 4))):
        start = rng.uniform(0, 1, 3) * (width, height, 0)
        end = start + np.append(rng.normal(0, size * .2, 2), 0)
        radius = size * rng.uniform(.012, .05)
        canvas.capsule(start, end, (radius, radius * rng.uniform(.6, 1)),
                       random_fabric(rng), size)
    image = canvas.image
    sigma = rng.choice([0., .8, 1.6, 3.])
    if sigma:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    return np.clip(image, 0, 255)


def add_shadow(image: np.ndarray, feet: np.ndarray, unit: float) -> None:
    """Darken the ground between and around the feet, in place."""
    mask = np.zeros(image.shape[:2], np.float32)
    center = feet.mean(0)
    half = np.abs(feet[:, 0] - center[0]).max() + .1 * unit
    box = (tuple(map(float, center)), (2 * half, .1 * unit), 0.)
    cv2.ellipse(mask, box, .45, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(.02 * unit, .6))
    image *= 1 - mask[..., None]


def add_seat(rng: np.random.Generator, canvas: Canvas, pelvis: np.ndarray,
             unit: float) -> None:
    """Put a box under a person who sits."""
    corners = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    half = rng.uniform(.07, .13), .025, .06
    top = pelvis + unit * (corners * half + (0, .075, .03))
    top[:, 1] -= unit * .025 * corners[:, 2]
    bottom = top + unit * np.array([0, rng.uniform(.18, .24), 0])
    canvas.frustum(top, bottom, random_fabric(rng), unit)


def add_occluders(rng: np.random.Generator, canvas: Canvas, points: np.ndarray,
                  unit: float) -> None:
    """Put no, one or two objects in front of the figures.

    Args:
        rng (np.random.Generator): Source of the draws.
        canvas (Canvas): Where to draw; its depth is set to the nearest.
        points (np.ndarray): Keypoints (K, 2); an object hides one of them.
        unit (float): Pixels in a body height.
    """
    height, width = canvas.depth.shape
    for _ in range(int(rng.choice([0, 1, 2], p=[.65, .29, .06]))):
        center = points[rng.integers(len(points))] + rng.normal(
            0, .05 * unit, 2)
        kind = rng.random()
        if kind < .2:
            mask = np.zeros((height, width), np.uint8)
            half = max(1., unit * rng.uniform(.012, .035))
            lean = rng.normal(0, .12) * height
            ends = [(center[0] - lean, -9), (center[0] + lean, height + 9)]
            cv2.line(mask, *[tuple(map(int, e)) for e in ends], 255,
                     int(2 * half), cv2.LINE_AA)
        elif kind < .35:
            mask = np.zeros((height, width), np.uint8)
            for _ in range(24):
                at = center + rng.normal(0, .08 * unit, 2)
                box = (tuple(map(float, at)), (.09 * unit, .035 * unit),
                       float(rng.uniform(0, 180)))
                cv2.ellipse(mask, box, 255, -1, cv2.LINE_AA)
        else:
            mask = _shape(rng, width, height, unit * rng.uniform(.1, .3),
                          center)
        _fill(rng, canvas.image, mask, 1.)
        canvas.depth[mask > 127] = NEAREST


def photograph(rng: np.random.Generator,
               image: np.ndarray) -> Tuple[np.ndarray, int]:
    """Exposure, color cast, uneven light, blur and sensor noise.

    Returns:
        tuple: The picture as uint8 and the JPEG quality to save it with.
    """
    height, width = image.shape[:2]
    image = np.clip(image, 0, 255) / 255
    image = image**np.float32(rng.uniform(.7, 1.3))
    image = image * np.float32(
        rng.uniform(.75, 1.3) * rng.uniform(.92, 1.08, 3))
    if rng.random() < .5:
        spots = .55 + .8 * noise(rng, height, width, int(rng.integers(1, 4)))
        image *= spots[..., None]
    blur = rng.random()
    if blur < .25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(.4, 1.1))
    elif blur < .4:
        length = int(rng.integers(3, 7))
        kernel = np.zeros((7, 7), np.float32)
        angle = rng.uniform(0, np.pi)
        tip = length / 2 * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(kernel,
                 *[tuple(map(int, np.round(3 + s * tip))) for s in (-1, 1)],
                 1., 1)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    grain = rng.standard_normal((height, width, 3), dtype=np.float32)
    image = image + grain * np.float32(.004 + .035 * rng.random()**2)
    image = np.uint8(np.round(np.clip(image, 0, 1) * 255))
    return image, int(rng.integers(65, 96))


def _texture(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """A fabric or noise between two colors over a rectangle."""
    if rng.random() < .5:
        fabric = random_fabric(rng)
        return _spread(fabric, width, height, rng.uniform(.15, 1.2))
    first, second = random_color(rng), random_color(rng)
    weight = noise(rng, height, width, int(rng.integers(3, 40)))[..., None]
    return first + weight * (second - first)


def _spread(fabric: Fabric, width: int, height: int,
            scale: float) -> np.ndarray:
    """Cover a rectangle with a fabric."""
    y = np.arange(height)[:, None] / (100 * scale)
    return fabric(y, np.arange(width)[None] / (100 * scale))


def _shape(rng: np.random.Generator,
           width: int,
           height: int,
           size: float,
           center: np.ndarray = None) -> np.ndarray:
    """Anti-aliased mask of a box, an ellipse, a polygon or a bar."""
    mask = np.zeros((height, width), np.uint8)
    if center is None:
        center = rng.uniform(0, 1, 2) * (width, height)
    kind = rng.random()
    sides = size * rng.uniform(.4, 1.4, 2)
    angle = rng.choice([0., rng.uniform(-90, 90)])
    box = (tuple(map(float, center)), tuple(map(float, sides)), float(angle))
    if kind < .45:
        corners = cv2.boxPoints(box)
    elif kind < .65:
        cv2.ellipse(mask, box, 255, -1, cv2.LINE_AA)
        return mask
    elif kind < .85:
        turns = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        reach = size * rng.uniform(.3, .8, len(turns))
        corners = center + np.stack(
            [reach * np.cos(turns), reach * np.sin(turns)], 1)
    else:
        box = (box[0], (sides[0] * 2.5, sides[1] * .25), box[2])
        corners = cv2.boxPoints(box)
    cv2.fillPoly(mask, [np.int32(np.round(corners * 16))], 255, cv2.LINE_AA, 4)
    return mask


def _fill(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray,
          opacity: float) -> None:
    """Color the masked part of an image in place."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return
    where = (slice(y, y + height), slice(x, x + width))
    fabric = random_fabric(rng)
    color = _spread(fabric, width, height, rng.uniform(.5, 2))
    ramp = np.linspace(*rng.uniform(.7, 1.2, 2), width, dtype=np.float32)
    alpha = mask[where].astype(np.float32)[..., None] * (opacity / 255)
    image[where] += alpha * (color * ramp[None, :, None] - image[where])
