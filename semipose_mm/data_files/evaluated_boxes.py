# Copyright (c) semipose_mm authors.
"""Detections that an evaluation takes, each with its labeled category."""
from collections import Counter
from typing import Any, Dict, List, Tuple

import numpy as np

from .box_fit import check_boxes
from .boxes import Boxes, load_boxes, read_detections
from .categories import describe, names_by_id
from .findings import Findings
from .images.lists import Image
from .numbers import is_id


def read_evaluated(truth: Any, path: str, key: str, images: Dict[Any, Image],
                   findings: Findings) -> Tuple[Boxes, List[Any]]:
    """Read detection results of the categories that have labels.

    As in COCO's format, ``category_id`` is one of the annotations' file. A
    file that numbers its categories otherwise is refused, but for what
    MMPose asks for: boxes of category 1 alone, for labels of one category.

    Args:
        truth (Any): Content of the annotations' file.
        path (str): The file of detections.
        key (str): The config key or option that names it, for messages.
        images (dict): The images of the annotations by id.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        tuple[Boxes, list]: The boxes, and the annotations' category of each.
    """
    content = load_boxes(path, key, findings)
    where = f"{key} '{path}'"
    chosen = _choose(
        truth if isinstance(truth, dict) else {}, content, where, findings)
    boxes = read_detections(content, where, images, findings, chosen)
    sizes = [image.size or (np.nan, np.nan) for image in images.values()]
    check_boxes(boxes.xywh, None,
                np.reshape(sizes, (-1, 2))[boxes.images], where, findings)
    return boxes, [chosen[content[i]['category_id']] for i in boxes.entries]


def _choose(truth: dict, content: Any, where: str,
            findings: Findings) -> Dict[Any, Any]:
    """From ids of detections to those of the annotations."""
    labeled, names = _labeled(truth), names_by_id(truth.get('categories'))
    found = (one.get('category_id') for one in content
             if isinstance(one, dict)) if isinstance(content, list) else ()
    counts = Counter(filter(is_id, found))
    # COCO's numbers begin at 1, and those of a detector's classes at 0
    other = 0 in counts and 0 not in labeled | set(names)
    if not counts or not other and not labeled.isdisjoint(counts):
        return {one: one for one in labeled}
    told = ', '.join(f'{one} {names[one]!r}' if one in names else str(one)
                     for one in sorted(labeled, key=str))
    if set(counts) == {1} and 1 not in names and len(labeled) == 1:
        findings.warn(
            'categories', where, 'has boxes of category 1 alone, which no '
            f'list names; they are evaluated as the labeled {told}')
        return {1: next(iter(labeled))}
    findings.error(
        'categories',
        where,
        f'has {describe(counts, names, "boxes")}, and nothing tells which of '
        f'these is the labeled {told}',
        advice='Give the boxes the category_id of the annotations')
    return {}


def _labeled(truth: dict) -> set:
    """Ids of the categories that are evaluated."""
    ids, labeled = set(), set()
    for one in truth.get('annotations') or ():
        if isinstance(one, dict) and is_id(one.get('category_id')):
            ids.add(one['category_id'])
            if any(one.get('keypoints') or ()):
                labeled.add(one['category_id'])
    # images alone, as those for a server: MMPose takes category 1
    return labeled or ids or {1}
