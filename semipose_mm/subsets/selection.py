# Copyright (c) semipose_mm authors.
"""Which annotated instances can be labels, and in which order they come.

An instance is usable if the released code of PoseDual and MMPose both
take it. Both go through the images in the order of the file's list, and
through the annotations of an image in the order of the file. The rules
differ in rare cases only, which docs/data.md lists.
"""
import hashlib
import json
import math
from collections import Counter, defaultdict
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set

import numpy as np

from semipose_mm.data_files.coco_files import FileFault, shorten

PROTOCOLS = ('first', 'random')


class Instance(NamedTuple):
    """A usable instance.

    Args:
        id (int | str): Id of the annotation.
        image_id (int | str): Id of its image.
        joints (int): Number of joints with visibility above 0.
    """

    id: Any
    image_id: Any
    joints: int


class Usable(NamedTuple):
    """The usable instances of a file in its order, and why others are not.

    Args:
        instances (list[Instance]): The instances.
        left_out (dict[str, int]): Number of the others by reason.
    """

    instances: List[Instance]
    left_out: Dict[str, int]


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, and no truth value."""
    # a list tells an integer that is too large for a float, too
    return not isinstance(value, bool) and are_numbers([value])


def is_id(value: Any) -> bool:
    """Whether a value can be the id of an image or annotation."""
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def are_numbers(values: Any) -> bool:
    """Whether a value is a list of finite numbers."""
    # of a sum, one look tells what a look at every number would
    try:
        return isinstance(values, list) and math.isfinite(math.fsum(values))
    except (TypeError, ValueError, OverflowError):
        return False


def mmpose_fault(box: Sequence[float], keypoints: Sequence[float],
                 declared: Optional[int], crowd: Any, width: float,
                 height: float) -> str:
    """Why MMPose's top-down datasets leave an instance out.

    Args:
        box (Sequence[float]): x, y, width, height in pixels.
        keypoints (Sequence[float]): x, y, visibility of each joint, flat.
        declared (int, optional): The entry ``num_keypoints`` if there is
            one.
        crowd (Any): The entry ``iscrowd``.
        width (float): Width of the image in pixels.
        height (float): Height of the image in pixels.

    Returns:
        str: The reason, empty for a usable instance.
    """
    if crowd:
        return 'crowd'
    if declared == 0:
        return 'no labeled joint'
    x, y, w, h = box
    right, bottom = width - 1, height - 1
    for low, size, limit in ((x, w, right), (y, h, bottom)):
        first = min(max(low, 0.), limit)
        last = min(max(low + size, 0.), limit)
        # MMPose subtracts in single precision, which matters for slivers
        if last - first < 0.1 and not np.float32(last) > np.float32(first):
            return 'empty box'
    if max(max(keypoints[0::3]), max(keypoints[1::3])) <= 0:
        return 'no labeled joint'
    return ''


def released_fault(box: Sequence[float], keypoints: Sequence[float],
                   area: Optional[float], crowd: Any, width: float,
                   height: float) -> str:
    """Why the released code of PoseDual leaves an instance out.

    Args:
        box (Sequence[float]): x, y, width, height in pixels.
        keypoints (Sequence[float]): x, y, visibility of each joint, flat.
        area (float, optional): The entry ``area`` if there is one.
        crowd (Any): The entry ``iscrowd``.
        width (float): Width of the image in pixels.
        height (float): Height of the image in pixels.

    Returns:
        str: The reason, empty for a usable instance.
    """
    if crowd:
        return 'crowd'
    if area is not None and area <= 0:
        return 'area not positive'
    x, y, w, h = box
    left, top = max(0, x), max(0, y)
    if (min(width - 1, left + max(0, w - 1)) < left
            or min(height - 1, top + max(0, h - 1)) < top):
        return 'empty box'
    return '' if any(keypoints) else 'no labeled joint'


def entries_of(content: Any, field: str, path: str) -> list:
    """Get a list of a COCO file.

    Args:
        content (Any): Content of the file.
        field (str): ``'images'``, ``'annotations'`` or ``'categories'``.
        path (str): The file, for the error message.

    Returns:
        list[dict]: The entries.

    Raises:
        FileFault: If there is no such list, or not of dicts.
    """
    if not isinstance(content, dict):
        raise FileFault(f'{path} holds a {type(content).__name__}, but must '
                        "be a dict with 'images' and 'annotations'")
    entries = content.get(field)
    if not isinstance(entries, list):
        found = 'no' if entries is None else f'a {type(entries).__name__} as'
        raise FileFault(f"{path} has {found} '{field}', but needs a list")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise FileFault(f'{path}, {field}[{index}] is {shorten(entry)}, '
                            'but must be a dict')
    return entries


def by_id(entries: List[dict], field: str, path: str) -> Dict[Any, dict]:
    """Index the entries of a list by their ids.

    Args:
        entries (list[dict]): The entries.
        field (str): Name of the list, for the error message.
        path (str): The file, for the error message.

    Returns:
        dict: From id to entry, in the order of the list.

    Raises:
        FileFault: If an id is missing or not unique.
    """
    indexed: Dict[Any, dict] = {}
    for index, entry in enumerate(entries):
        key = entry.get('id')
        if not is_id(key):
            raise FileFault(f'{path}, {field}[{index}].id is {shorten(key)}, '
                            'but must be an integer or a string')
        if key in indexed:
            raise FileFault(f'{path}, {field}[{index}].id is {key!r}, which '
                            'another entry has as well')
        indexed[key] = entry
    return indexed


def category_ids(content: Any, names: Sequence[str], path: str) -> Set[Any]:
    """Find categories by their ids or names.

    Args:
        content (Any): Content of the file.
        names (Sequence[str]): Ids or names.
        path (str): The file, for the error message.

    Returns:
        set: The ids.

    Raises:
        FileFault: If there is no such category.
    """
    categories = by_id(
        entries_of(content, 'categories', path), 'categories', path)
    found = set()
    for name in names:
        ids = [key for key in categories if str(key) == name] or [
            key
            for key, entry in categories.items() if entry.get('name') == name
        ]
        if not ids:
            known = ', '.join(f'{key} ({entry.get("name")})'
                              for key, entry in categories.items())
            raise FileFault(f'--category {name} is none of {path}, which has '
                            f'{known or "none"}')
        found.update(ids)
    return found


def usable_instances(content: Any,
                     path: str,
                     categories: Optional[Set[Any]] = None) -> Usable:
    """Find the instances that can be labels, in their order.

    Args:
        content (Any): Content of a file in COCO's keypoint format.
        path (str): The file, for the error messages.
        categories (set, optional): Ids of the categories. Defaults to None,
            which means all.

    Returns:
        Usable: The instances.

    Raises:
        FileFault: If the file is not of that format.
    """
    images = by_id(entries_of(content, 'images', path), 'images', path)
    annotations = entries_of(content, 'annotations', path)
    by_id(annotations, 'annotations', path)
    for index, image in enumerate(images.values()):
        for field in ('width', 'height'):
            if not is_number(image.get(field)) or image[field] <= 0:
                raise FileFault(
                    f'{path}, images[{index}].{field} is '
                    f'{shorten(image.get(field))}, but must be positive')
    left_out: Counter = Counter()
    grouped = defaultdict(list)
    for index, entry in enumerate(annotations):
        image = images.get(entry.get('image_id')) if is_id(
            entry.get('image_id')) else None
        if image is None:
            reason = 'of no image in the list'
        elif categories is not None and entry.get(
                'category_id') not in categories:
            reason = 'other category'
        else:
            reason = _fault(entry, image, f'{path}, annotations[{index}]')
        if reason:
            left_out[reason] += 1
            continue
        joints = sum(v > 0 for v in entry['keypoints'][2::3])
        grouped[entry['image_id']].append(
            Instance(entry['id'], entry['image_id'], joints))
    instances = [one for key in images for one in grouped.get(key, ())]
    return Usable(instances, dict(sorted(left_out.items())))


def _fault(entry: dict, image: dict, where: str) -> str:
    """Why an annotation is left out, or empty."""
    if 'bbox' not in entry or 'keypoints' not in entry:
        return 'without box or keypoints'
    box, keypoints = entry['bbox'], entry['keypoints']
    if not are_numbers(box) or len(box) != 4:
        raise FileFault(f'{where}.bbox is {shorten(box)}, but must be four '
                        'numbers: x, y, width, height')
    if not are_numbers(keypoints) or not keypoints or len(keypoints) % 3:
        raise FileFault(f'{where}.keypoints is {shorten(keypoints)}, but '
                        'must be numbers: x, y, visibility of each joint')
    area, crowd = entry.get('area'), entry.get('iscrowd')
    if area is not None and not is_number(area):
        raise FileFault(f'{where}.area is {shorten(area)}, but must be a '
                        'number')
    size = image['width'], image['height']
    return (mmpose_fault(box, keypoints, entry.get('num_keypoints'), crowd, *
                         size)
            or released_fault(box, keypoints, area, crowd, *size))


def _draw(seed: int, kind: str, key: Any) -> bytes:
    """A pseudo random number for an id, the same on every machine."""
    text = json.dumps([seed, kind, key])
    return hashlib.sha256(text.encode()).digest()


def order_instances(instances: Sequence[Instance],
                    protocol: str = 'first',
                    seed: int = 0,
                    stratify: Optional[str] = None) -> List[Instance]:
    """Order the instances, so that a subset is the beginning.

    Args:
        instances (Sequence[Instance]): The instances in the file's order.
        protocol (str): ``'first'`` keeps it, ``'random'`` shuffles it by the
            hashes of seed and ids, whatever the order in the file. Defaults
            to ``'first'``.
        seed (int): Seed of the shuffling. Defaults to 0.
        stratify (str, optional): ``'image'`` takes an instance of each image
            before a second one of any. Defaults to None.

    Returns:
        list[Instance]: The instances in their new order.
    """
    if protocol == 'first':
        return list(instances)
    drawn = sorted(instances, key=lambda i: _draw(seed, 'annotation', i.id))
    if stratify is None:
        return drawn
    rounds: Counter = Counter()
    keyed = []
    for instance in drawn:
        image = instance.image_id
        keyed.append(((rounds[image], _draw(seed, 'image', image)), instance))
        rounds[image] += 1
    return [instance for _, instance in sorted(keyed, key=lambda k: k[0])]
