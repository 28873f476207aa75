# Copyright (c) semipose_mm authors.
"""Labels of MPII, as MMPose's json of them has it."""
from typing import Any, Optional

from ..findings import Findings
from ..images.lists import Image
from ..numbers import are_numbers, is_number
from ..text import only_dicts, read_json, show
from .entries import Entry, unused_reason
from .joints import count_labeled
from .table import Labels

#: Side of the box at scale 1, and how far MMPose shifts it down, in pixels.
SIDE, SHIFT = 200, 15


def read_mpii(path: str, key: str, findings: Findings) -> Labels:
    """Read annotations of MPII as MMPose converted them.

    A box is the square of 200 pixels times ``scale`` around ``center``, which
    MMPose shifts down by 15 pixels times ``scale``.

    Args:
        path (str): The file.
        key (str): The config key or option that names it, for messages.
        findings (Findings): Learns what is wrong.

    Returns:
        Labels: What it holds; the name of an image is its id, and its size
        is not known.
    """
    where = f"{key} '{path}'"
    content = read_json(path, key, findings)
    labels = Labels(where)
    if content is None:
        return labels
    if not isinstance(content, list):
        findings.error(
            'list',
            where,
            f'holds a {type(content).__name__}',
            allowed='a list of dicts with image, center, scale, joints, '
            'joints_vis')
        return labels
    labels.total = len(content)
    for index, entry in only_dicts(content, where, 'entry {}', findings):
        place = f'{where}, entry {index}'
        name, box = entry.get('image'), _read_box(entry)
        keypoints = _read_joints(entry)
        if not isinstance(name, str) or not name.split('.')[0].isdigit():
            findings.error(
                'mpii image',
                f'{place}.image',
                show(name),
                allowed='a file name that begins with a number, '
                'of which MMPose makes the id')
        elif box is None:
            findings.error(
                'box',
                place,
                'has no center and scale',
                allowed='two numbers and one, in pixels')
        elif keypoints is None:
            findings.error(
                'keypoints',
                place,
                'has no joints and joints_vis',
                allowed='two numbers and one for each joint')
        else:
            labels.images.setdefault(
                name, Image(name, name, None, len(labels.images)))
            labels.num_joints = len(keypoints) // 3
            labels.entries.append(
                Entry(index, index, name, 1, box, keypoints,
                      count_labeled(keypoints), box[2] * box[3], False,
                      unused_reason(keypoints, box, False, None)))
    return labels


def _read_box(entry: dict) -> Optional[list]:
    """Read a box; None if there is none."""
    center, scale = entry.get('center'), entry.get('scale')
    if not are_numbers(center) or len(center) != 2 or not is_number(scale):
        return None
    side = SIDE * scale
    return [
        center[0] - 1 - side / 2, center[1] - 1 + SHIFT * scale - side / 2,
        side, side
    ]


def _read_joints(entry: dict) -> Optional[list]:
    """Joints and their visibility, flat as in COCO; None if unreadable."""
    joints: Any = entry.get('joints')
    visible = entry.get('joints_vis')
    if (not isinstance(joints, list) or not joints or not are_numbers(visible)
            or len(joints) != len(visible)
            or not all(are_numbers(j) and len(j) == 2 for j in joints)):
        return None
    return [v for j, seen in zip(joints, visible) for v in (*j, seen)]
