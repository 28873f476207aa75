# Copyright (c) semipose_mm authors.
"""Annotations in COCO's format as an evaluation needs them."""
import math
from numbers import Real
from typing import Any, List, Optional, Tuple

from .findings import Findings
from .labels.joints import is_far

#: Share of its box below which an area is none of that object.
LEAST_AREA = 1e-3


def scoring_truth(content: dict,
                  where: str,
                  findings: Findings,
                  recount: bool = True) -> dict:
    """Annotations by which perfect predictions are perfect.

    An ``area`` that is missing, null, not positive or below a thousandth of
    the box is that of the box. A missing box is that around the labeled
    joints, missing ``iscrowd`` is 0, missing keypoints are none that is
    labeled. Joints are labeled where v > 0 and their coordinates are finite;
    the others get (0, 0, 0).

    Args:
        content (dict): A COCO file; it stays as it is.
        where (str): Names the file in the findings.
        findings (Findings): What was mended is added as warnings.
        recount (bool): Whether ``num_keypoints`` is the number of labeled
            joints wherever it is something else. Defaults to True; else
            where it is missing

    Returns:
        dict: The content with copies of those annotations that are mended,
        and with the categories that only annotations name.
    """
    annotations = content.get('annotations') or []
    length = max((len(ann.get('keypoints') or ()) for ann in annotations),
                 default=0)
    mended = []
    for i, ann in enumerate(annotations):
        new, kinds = _mend(ann, length, recount)
        for kind, found, advice in kinds:
            findings.warn(
                kind, f'{where}, annotations[{i}]', found, advice=advice)
        mended.append(new)
    categories = list(content.get('categories') or [])
    known = {category['id'] for category in categories}
    for number in dict.fromkeys(ann['category_id'] for ann in mended):
        if number not in known:
            findings.warn('category', f'{where}, categories',
                          f'has none of id {number}, which annotations name')
            categories.append(dict(id=number, name=str(number)))
    return dict(content, annotations=mended, categories=categories)


def labeled_joints(keypoints: List[float],
                   box: Optional[List[float]] = None) -> List[float]:
    """Keypoints (x, y, v) with zeros for those that are not labeled.

    Args:
        keypoints (list): 3 K numbers. A joint is labeled if its visibility
            is above 0, its coordinates are finite, and it is not at (0, 0)
            outside of its box.
        box (list, optional): x, y, width, height in pixels. Defaults to
            None, for which any place will do.

    Returns:
        list: 3 K numbers; the same list if there is nothing to change.
    """
    new = list(keypoints)
    for i in range(0, len(keypoints) - 2, 3):
        x, y, v = keypoints[i:i + 3]
        if not (_number(v) and v > 0 and _number(x) and _number(y)) or \
                x == y == 0 and box and is_far(box):
            new[i:i + 3] = 0, 0, 0
    return keypoints if new == keypoints else new


def box_area(bbox: List[float]) -> float:
    """Width by height of a box (x, y, w, h), in square pixels."""
    return max(bbox[2], 0) * max(bbox[3], 0)


def _mend(ann: dict, length: int,
          recount: bool) -> Tuple[dict, List[Tuple[str, str, str]]]:
    """A mended copy of an annotation, and what is said of it."""
    said, new = [], {}
    keypoints = ann.get('keypoints')
    if not keypoints:
        keypoints = new['keypoints'] = [0] * length
        said.append(('keypoints', 'has no keypoints',
                     'It is a region in which nothing is scored'))
    joints = labeled_joints(keypoints, ann.get('bbox'))
    if joints is not keypoints:
        new['keypoints'] = joints
    number = sum(v > 0 for v in joints[2::3])
    count = ann.get('num_keypoints')
    if count is None or recount and count != number:
        new['num_keypoints'] = number
        if count is not None:
            said.append(
                ('count', f'has num_keypoints {count!r}, but {number} of its '
                 'joints are labeled', 'The joints are what is scored'))
    if ann.get('iscrowd') is None:
        new['iscrowd'] = 0
    bbox = ann.get('bbox')
    if not bbox:
        bbox = new['bbox'] = _box_around(joints)
        said.append(
            ('box', 'has no bbox', 'Its size is that of its labeled joints'))
    area, from_box = ann.get('area'), box_area(bbox)
    if from_box <= 0:
        from_box = box_area(_box_around(joints))
    if not (_number(area) and area > 0 and area >= LEAST_AREA * from_box):
        # one square pixel where neither box nor joints have an extent
        new['area'] = float(from_box or 1)
        if number:
            shown = f'the area {area!r}' if 'area' in ann else 'no area'
            said.append(
                ('area', f'has {shown}', 'It is scored by that of its box'))
    return {**ann, **new} if new else ann, said


def _box_around(joints: List[float]) -> List[float]:
    """The box (x, y, w, h) around labeled joints, zeros for none."""
    found = [
        joints[i:i + 2] for i in range(0, len(joints), 3) if joints[i + 2]
    ]
    if not found:
        return [0., 0., 0., 0.]
    xs, ys = zip(*found)
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def _number(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
