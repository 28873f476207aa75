# Copyright (c) semipose_mm authors.
"""Entries of a file of labels, and which of them are trained with."""
from typing import Any, Iterable, List, NamedTuple, Optional, Sequence, Set

import numpy as np

from ..numbers import are_numbers, is_box, is_number
from .joints import count_labeled, extent

NO_IMAGE = 'of images that the file does not list'
NO_AREA = 'whose box has no area inside their image'
NO_BOX = 'without a box'
NO_KEYPOINTS = 'without keypoints'
NO_JOINT = 'without a labeled joint'
CROWD = 'crowd'


class Entry(NamedTuple):
    """An annotation or a detection.

    Args:
        index (int): Its place in the file.
        id (int | str): Its id.
        image_id (int | str): Id of its image.
        category_id (int | str): Id of its category.
        box (list[float], optional): x, y, width, height in pixels.
        keypoints (list[float], optional): x, y in pixels and visibility 0, 1
            or 2 of each joint, flat.
        num_keypoints (int): Number of its labeled joints, counted.
        area (float): Its area in pixels, see :func:`instance_area`.
        crowd (bool): Whether it stands for a crowd.
        reason (str): Why MMPose trains with nothing of it, or empty.
        weights (list[float], optional): How much each joint counts in
            training, 0 to 1; None means 1.
    """

    index: int
    id: Any
    image_id: Any
    category_id: Any
    box: Optional[List[float]]
    keypoints: Optional[List[float]]
    num_keypoints: int
    area: float
    crowd: bool
    reason: str
    weights: Optional[List[float]] = None


def instance_area(entry: dict) -> float:
    """Area of an instance, in training and evaluation.

    Args:
        entry (dict): An annotation of a COCO file.

    Returns:
        float: Its ``area`` if that is a number above 0, else that of its box
        or, without one, of what its labeled joints span; in pixels.
    """
    area, box = entry.get('area'), entry.get('bbox')
    if is_number(area) and area > 0:
        return area
    if is_box(box) and min(box[2:]) > 0:
        return float(box[2] * box[3])
    width, height = extent(entry.get('keypoints') or [])
    return float(width * height)


def labeled_images(annotations: Iterable[dict]) -> Set[Any]:
    """Ids of the images that have a labeled joint.

    Args:
        annotations (Iterable[dict]): Annotations of a COCO file.
    """
    return {
        entry.get('image_id')
        for entry in annotations if are_numbers(entry.get('keypoints'))
        and max(entry['keypoints'][2::3], default=0) > 0
    }


def unused_reason(keypoints: Sequence[float], box: Sequence[float], crowd: Any,
                  size: Optional[Sequence[float]]) -> str:
    """Why MMPose's top-down datasets leave an entry out.

    Args:
        keypoints (Sequence[float]): x, y, visibility of each joint, flat.
        box (Sequence[float]): x, y, width, height in pixels.
        crowd (Any): Whether it stands for a crowd.
        size (Sequence[float], optional): Width and height of the image in
            pixels; None for a format in which nothing is clipped.

    Returns:
        str: The reason, empty for an entry that is used.
    """
    if crowd:
        return CROWD
    # of positions MMPose looks at those of other joints as well
    if (not count_labeled(keypoints)
            or max(max(keypoints[0::3]), max(keypoints[1::3])) <= 0):
        return NO_JOINT
    for low, length, limit in zip(box, box[2:], size or ()):
        first = min(max(low, 0.), limit - 1)
        last = min(max(low + length, 0.), limit - 1)
        # MMPose subtracts in single precision, which matters for slivers
        if last - first < 0.1 and not np.float32(last) > np.float32(first):
            return NO_AREA
    return '' if size or min(box[2:]) > 0 else NO_AREA
