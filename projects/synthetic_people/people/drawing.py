# Copyright (c) semipose_mm authors.
"""A canvas with a depth buffer, the solids drawn on it, and fabrics.

Every solid is anti-aliased, shaded by one light and hidden where
something nearer was drawn, so limbs cross in front of and behind each
other correctly and the depth buffer afterwards tells which keypoints
can be seen.
"""
from typing import Callable, Optional, Sequence, Tuple

import cv2
import numpy as np

TILE = 64
ROWS = np.arange(TILE)[:, None]
COLUMNS = np.arange(TILE)[None]
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]


def noise(rng: np.random.Generator, height: int, width: int,
          cells: int) -> np.ndarray:
    """Smooth noise in [0, 1] with about ``cells`` bumps a side."""
    small = rng.random((cells + 1, cells + 1), dtype=np.float32)
    return np.clip(
        cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), 0,
        1)


def random_color(rng: np.random.Generator) -> np.ndarray:
    """A BGR color, from gray to saturated and from dark to bright."""
    hsv = np.uint8([[[
        rng.integers(180), 255 * rng.beta(1.3, 1.6),
        40 + 215 * rng.beta(1.5, 1.2)
    ]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


class Fabric:
    """A repeating color pattern, looked up in body heights.

    Args:
        tile (np.ndarray): Pattern (64, 64, 3).
        period (float): Body heights that one tile spans.
    """

    def __init__(self, tile: np.ndarray, period: float) -> None:
        self.tile = tile.astype(np.float32)
        self.period = period

    def __call__(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        row = (along * (TILE / self.period)).astype(np.int32) % TILE
        column = (across * (TILE / self.period)).astype(np.int32) % TILE
        return self.tile[row, column]


def plain(color: np.ndarray, rng: np.random.Generator) -> Fabric:
    """One color with faint blotches, as skin and hair are."""
    blotches = .93 + .14 * noise(rng, TILE, TILE, 6)
    return Fabric(color * blotches[..., None], .15)


def random_fabric(rng: np.random.Generator,
                  color: Optional[np.ndarray] = None) -> Fabric:
    """Plain, stripes, checks, plaid, dots, gradient or noise."""
    first = random_color(rng) if color is None else color
    second = random_color(rng)
    y, x = ROWS, COLUMNS
    step = TILE // (2, 4, 8)[rng.integers(3)]
    kind = rng.choice(
        ['plain', 'stripes', 'checks', 'plaid', 'dots', 'gradient', 'noise'],
        p=[.46, .17, .07, .08, .05, .09, .08])
    if kind == 'stripes':
        weight = ((y, x, x + y)[rng.integers(3)] % step) * 2 < step
    elif kind == 'checks':
        weight = (x // (step // 2) + y // (step // 2)) % 2
    elif kind == 'plaid':
        weight = .5 * (x % step < step // 3) + .5 * (y % step < step // 3)
    elif kind == 'dots':
        center = step / 2
        weight = np.hypot(x % step - center, y % step - center) < step / 4
    elif kind == 'gradient':
        weight = .5 - .5 * np.cos(y * 2 * np.pi / TILE)
    elif kind == 'noise':
        weight = noise(rng, TILE, TILE, int(rng.integers(4, 20))) > .5
    else:
        weight = np.zeros((1, 1))
    weight = weight.astype(np.float32)[..., None]
    folds = .85 + .3 * noise(rng, TILE, TILE, 5)[..., None]
    tile = (first + weight * (second - first)) * folds
    return Fabric(np.minimum(tile, 255), rng.uniform(.12, .3))


def join(first: Paint, second: Paint, cut: float) -> Paint:
    """One paint up to ``cut`` body heights along, then the other."""

    def paint(along: np.ndarray, across: np.ndarray) -> np.ndarray:
        return np.where((along < cut)[..., None], first(along, across),
                        second(along, across))

    return paint


class Canvas:
    """Picture, depth buffer and silhouette of the figure being drawn.

    Args:
        image (np.ndarray): Background (H, W, 3), BGR.
        light (np.ndarray): Unit vector towards the light.
        ambient (float): Share of light that reaches shaded sides.
    """

    def __init__(self, image: np.ndarray, light: np.ndarray,
                 ambient: float) -> None:
        self.image = image.astype(np.float32)
        self.depth = np.full(image.shape[:2], np.inf, np.float32)
        self.silhouette = np.zeros(image.shape[:2], bool)
        self.light = light
        self.ambient = ambient

    def window(
        self, low: Sequence[float], high: Sequence[float]
    ) -> Optional[Tuple[Tuple[slice, slice], np.ndarray, np.ndarray]]:
        """The part of the canvas in a box, with pixel coordinates."""
        height, width = self.depth.shape
        x0, y0 = max(int(low[0]) - 2, 0), max(int(low[1]) - 2, 0)
        x1 = min(int(high[0]) + 3, width)
        y1 = min(int(high[1]) + 3, height)
        if x0 >= x1 or y0 >= y1:
            return None
        where = (slice(y0, y1), slice(x0, x1))
        return (where, np.arange(x0, x1, dtype=np.float32)[None],
                np.arange(y0, y1, dtype=np.float32)[:, None])

    def shade(self, nx: np.ndarray, ny: np.ndarray) -> np.ndarray:
        """Brightness for surface normals whose z faces the camera."""
        nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0))
        lit = nx * self.light[0] + ny * self.light[1] - nz * self.light[2]
        return self.ambient + (1 - self.ambient) * np.maximum(lit, 0)

    def blend(self, where: Tuple[slice, slice], alpha: np.ndarray,
              depth: np.ndarray, color: np.ndarray) -> None:
        """Put colors where nothing nearer has been drawn."""
        self.silhouette[where] |= alpha > .5
        alpha = alpha * (depth < self.depth[where])
        region = self.image[where]
        region += alpha[..., None] * (color - region)
        np.copyto(self.depth[where], depth, where=alpha > .5)

    def capsule(self, start: np.ndarray, end: np.ndarray,
                radii: Tuple[float, float], paint: Paint, unit: float) -> None:
        """A limb with round ends.

        Args:
            start (np.ndarray): x, y and depth of one end in pixels.
            end (np.ndarray): x, y and depth of the other end.
            radii (tuple): Radius at either end in pixels.
            paint (Callable): Colors from body heights along and across.
            unit (float): Pixels in a body height.
        """
        reach = max(radii)
        found = self.window(
            np.minimum(start, end)[:2] - reach,
            np.maximum(start, end)[:2] + reach)
        if found is None:
            return
        where, x, y = found
        axis = (end - start)[:2].astype(np.float32)
        length = max(float(np.hypot(*axis)), 1e-3)
        dx, dy = x - np.float32(start[0]), y - np.float32(start[1])
        along = (dx * axis[0] + dy * axis[1]) / length
        t = np.clip(along / length, 0, 1)
        radius = radii[0] + t * (radii[1] - radii[0])
        ox, oy = dx - t * axis[0], dy - t * axis[1]
        alpha = np.clip(radius + .5 - np.hypot(ox, oy), 0, 1)
        nx, ny = ox / radius, oy / radius
        bulge = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0))
        depth = start[2] + t * (end[2] - start[2]) - radius * bulge
        across = (dx * -axis[1] + dy * axis[0]) / length
        color = paint(along / unit, across / unit)
        color = color * self.shade(nx, ny)[..., None]
        self.blend(where, alpha, depth.astype(np.float32), color)

    def frustum(self,
                top: np.ndarray,
                bottom: np.ndarray,
                paint: Paint,
                unit: float,
                offset: float = 0.) -> None:
        """The hull of two rings, as trunks and skirts are.

        Args:
            top (np.ndarray): Points (N, 3) of one ring in pixels.
            bottom (np.ndarray): Points (M, 3) of the other ring.
            paint (Callable): Colors from body heights along and across.
            unit (float): Pixels in a body height.
            offset (float): Pixels along the pattern before this part.
                Defaults to 0.
        """
        points = np.concatenate([top, bottom])[:, :2]
        found = self.window(points.min(0), points.max(0))
        if found is None:
            return
        where, x, y = found
        corner = np.array([where[1].start, where[0].start])
        hull = cv2.convexHull(np.float32((points - corner) * 16))
        alpha = np.zeros((y.size, x.size), np.uint8)
        cv2.fillConvexPoly(alpha, np.int32(np.round(hull)), 255, cv2.LINE_AA,
                           4)
        start, end = top.mean(0), bottom.mean(0)
        axis = (end - start)[:2]
        length = float(np.hypot(*axis))
        axis = axis / length if length > 1e-3 else np.array([0., 1.])
        normal = np.array([-axis[1], axis[0]])
        widths = [
            np.abs((r - r.mean(0))[:, :2] @ normal).max() + 1
            for r in (top, bottom)
        ]
        depths = [np.abs((r - r.mean(0))[:, 2]).max() for r in (top, bottom)]
        dx, dy = x - start[0], y - start[1]
        along = dx * axis[0] + dy * axis[1]
        across = dx * normal[0] + dy * normal[1]
        t = np.clip(along / max(length, 1.), 0, 1)
        v = np.clip(across / (widths[0] + t * (widths[1] - widths[0])), -1, 1)
        bulge = np.sqrt(1 - v * v)
        depth = start[2] + t * (end[2] - start[2]) - bulge * (
            depths[0] + t * (depths[1] - depths[0]))
        color = paint((along + offset) / unit, across / unit)
        color = color * self.shade(.95 * v * normal[0],
                                   .95 * v * normal[1])[..., None]
        self.blend(where,
                   alpha.astype(np.float32) / 255, depth.astype(np.float32),
                   color)
