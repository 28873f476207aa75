# Copyright (c) semipose_mm authors.
"""Whether boxes fit the joints and the images that they are for."""
from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np

from .findings import Findings

#: Joints may lie outside of their box by this share of its sides.
MARGIN = 0.1
#: Share of the joints in their boxes below which an error or a warning says
#: so, and above which another reading of the boxes is believed.
FEW_INSIDE, MOST_INSIDE, BELIEVED = 0.5, 0.8, 0.9
#: How much better another reading must fit the joints.
BETTER = 1.5
#: Share of boxes beyond the edge of their image that is no accident.
MANY_OUTSIDE = 0.3
#: Ratio of the sizes of labeled and unlabeled boxes that scaling in training
#: does not bridge.
SIZE_RATIO = 1.6

CORNERS = 'two corners: x1, y1, x2, y2'
CENTER = 'center and size: cx, cy, width, height'
_ADVICE = ('COCO has x, y of the upper left corner, width and height in '
           'pixels: convert the boxes')


class Fit(NamedTuple):
    """How boxes fit what lies in them.

    Args:
        inside (float): Share of the labeled joints in their boxes, within
            :data:`MARGIN`; NaN without any.
        overlap (float): Mean intersection over union of boxes with the
            rectangles around their joints; NaN without any.
        beyond (float): Share of the boxes that leave their image by more
            than :data:`MARGIN` of their sides.
        valid (float): Share of the boxes with positive sides.
    """
    inside: float
    overlap: float
    beyond: float
    valid: float


def as_corners(boxes: np.ndarray) -> Dict[str, np.ndarray]:
    """Boxes as x1, y1, x2, y2 for each way in which they may be meant.

    Args:
        boxes (np.ndarray): Four numbers each, of shape (N, 4).

    Returns:
        dict: Arrays of shape (N, 4) by way; the right one has the key ''.
    """
    first, second = boxes[:, :2], boxes[:, 2:]
    return {
        '': np.hstack((first, first + second)),
        CORNERS: boxes,
        CENTER: np.hstack((first - second / 2, first + second / 2))
    }


def fit(corners: np.ndarray, keypoints: Optional[np.ndarray],
        sizes: np.ndarray) -> Fit:
    """Measure how boxes fit.

    Args:
        corners (np.ndarray): x1, y1, x2, y2 of shape (N, 4) in pixels.
        keypoints (np.ndarray, optional): x, y in pixels and visibility of
            shape (N, K, 3).
        sizes (np.ndarray): Width and height of the images in pixels, of shape
            (N, 2), NaN where it is not known.

    Returns:
        Fit: The measures.
    """
    low, high = corners[:, :2], corners[:, 2:]
    sides = high - low
    slack = MARGIN * np.abs(sides)
    beyond = ((low < -slack) | (high > sizes + slack)).any(1).mean()
    valid = (sides > 0).all(1).mean()
    if keypoints is None or not (keypoints[..., 2] > 0).any():
        return Fit(np.nan, np.nan, beyond, valid)
    labeled = keypoints[..., 2] > 0
    points = keypoints[..., :2]
    inside = ((points >= (low - slack)[:, None]) &
              (points <= (high + slack)[:, None])).all(2)
    several = labeled.sum(1) > 1
    if not several.any():
        return Fit(inside[labeled].mean(), np.nan, beyond, valid)
    hidden = ~labeled[..., None]
    start = np.where(hidden, np.inf, points).min(1)[several]
    end = np.where(hidden, -np.inf, points).max(1)[several]
    low, high, sides = low[several], high[several], sides[several]
    common = (np.minimum(high, end) - np.maximum(low, start)).clip(0).prod(1)
    union = sides.clip(0).prod(1) + (end - start).prod(1) - common
    overlap = common / np.maximum(union, 1e-9)
    return Fit(inside[labeled].mean(), overlap.mean(), beyond, valid)


def check_boxes(boxes: np.ndarray, keypoints: Optional[np.ndarray],
                sizes: np.ndarray, where: str, findings: Findings) -> None:
    """Judge boxes of a file, and name the likely cause if they do not fit.

    Args:
        boxes (np.ndarray): x, y, width, height of shape (N, 4) in pixels.
        keypoints (np.ndarray, optional): x, y in pixels and visibility of
            shape (N, K, 3); of detections there are none.
        sizes (np.ndarray): Width and height of the images in pixels, of shape
            (N, 2), NaN where it is not known.
        where (str): The file and the field, for messages.
        findings (Findings): Learns what is wrong or doubtful.
    """
    if not len(boxes):
        return
    small = (boxes[:, 2:] < 1).any(1)
    shares = np.abs(boxes).max(1) <= 2
    if shares.mean() > MANY_OUTSIDE:
        findings.error(
            'normalised boxes',
            where,
            f'has {shares.sum()} of {len(boxes)} boxes of numbers up to 2, '
            f'such as {_shown(boxes[shares][0])}; they look like shares of '
            'the width and height of their images',
            advice=_ADVICE)
        return
    if small.any():
        findings.warn(
            'small boxes', where, f'has {small.sum()} of {len(boxes)} boxes '
            f'below one pixel, such as {_shown(boxes[small][0])}')
    if _normalised_joints(keypoints):
        findings.error(
            'normalised keypoints',
            where,
            'has boxes in pixels, but keypoints that look like shares of the '
            'width and height of their images',
            advice='COCO has both in pixels: convert the keypoints')
        return
    fits = {
        way: fit(corners, keypoints, sizes)
        for way, corners in as_corners(boxes).items()
    }
    # without joints, boxes over the edge may be those of a loose detector
    ways = (CORNERS, CENTER) if keypoints is not None else (CORNERS, )
    cause = next((way for way in ways if _explained(fits[''], fits[way])), '')
    inside = fits[''].inside
    if cause:
        # padding, or a few labeled joints, make sound boxes too large, too
        sound = inside >= MOST_INSIDE and fits[''].beyond <= MANY_OUTSIDE
        findings.add(
            'warning' if sound else 'error',
            'box format',
            where,
            f'has boxes such as {_shown(boxes[0])} that look like {cause}',
            advice=_ADVICE)
    elif inside < MOST_INSIDE:
        findings.add(
            'error' if inside < FEW_INSIDE else 'warning',
            'joints outside',
            where, f'has only {inside:.0%} of the labeled joints in their '
            'boxes',
            advice='Are boxes and keypoints for images of the same size, and '
            'of the same instances?')
    elif fits[''].beyond > MANY_OUTSIDE:
        findings.warn(
            'boxes outside',
            where,
            f'has {fits[""].beyond:.0%} of the boxes beyond the edges of '
            f'their images, such as {_shown(boxes[0])}',
            advice=_ADVICE)


def _normalised_joints(keypoints: Optional[np.ndarray]) -> bool:
    """Whether joints lie within a pixel or two of the origin."""
    if keypoints is None:
        return False
    points = keypoints[keypoints[..., 2] > 0][:, :2]
    return len(points) > 0 and np.abs(points).max() <= 2


def _explained(given: Fit, other: Fit) -> bool:
    """Whether another way to read boxes explains them better."""
    # a size is seldom larger than the place, and never so in a whole file
    if other.valid < 0.98 or other.beyond > MANY_OUTSIDE:
        return False
    if np.isnan(given.inside):
        return given.beyond > MANY_OUTSIDE
    return other.inside >= BELIEVED and (
        given.inside < FEW_INSIDE or given.beyond > MANY_OUTSIDE
        or given.inside < MOST_INSIDE and other.overlap > given.overlap
        or other.overlap > BETTER * given.overlap)


def _shown(box: Sequence[float]) -> str:
    return '[' + ', '.join(f'{value:g}' for value in box) + ']'


def relative_size(boxes: np.ndarray, sizes: np.ndarray) -> float:
    """Median share of an image that a box takes, as a share of its side.

    Args:
        boxes (np.ndarray): x, y, width, height of shape (N, 4) in pixels.
        sizes (np.ndarray): Width and height of the images, of shape (N, 2).

    Returns:
        float: Square root of the share of the area; NaN without boxes.
    """
    known = np.isfinite(sizes).all(1)
    if not known.any():
        return float('nan')
    share = boxes[known, 2:].clip(0).prod(1) / sizes[known].prod(1)
    return float(np.median(np.sqrt(share)))


def compare_sizes(labeled: float, unlabeled: float, where: str,
                  findings: Findings) -> None:
    """Compare the boxes that teach with those that are to be learned from.

    Args:
        labeled (float): :func:`relative_size` of the labeled boxes.
        unlabeled (float): That of the unlabeled ones, 1 for whole images.
        where (str): The unlabeled data, for messages.
        findings (Findings): Learns if they differ.
    """
    ratio = unlabeled / labeled if labeled else 1.
    if 1 / SIZE_RATIO <= ratio <= SIZE_RATIO or not np.isfinite(ratio):
        return
    larger = 'larger' if ratio > 1 else 'smaller'
    whole = unlabeled > 0.95
    findings.warn(
        'box sizes',
        where,
        f'{"takes whole images as boxes" if whole else "has boxes"} that are '
        f'{max(ratio, 1 / ratio):.1f} times {larger} than the labeled ones in '
        'their images: little can be learned from them',
        advice='Give boxes of a detector (semipose detect, --boxes), or crop '
        'the images' if whole else 'Are they of the same kind of object?')
