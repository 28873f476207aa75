# Copyright (c) semipose_mm authors.
"""Annotation files of MMPose's COCO-style datasets, checked as they stand.

Those datasets take the last of two entries with one id, leave out what
has no box in its image, and break on wrong entries without naming the
file.
"""
from collections import Counter
from typing import Any, Dict, List, NamedTuple

from .json_entries import (MISSING, entry_error, is_number, list_of, load_json,
                           read_box)

NO_IMAGE = 'of images that the file does not list'
NO_BOX = 'whose box has no area inside their image'


class LabelFile(NamedTuple):
    """What a file holds that MMPose reads.

    Args:
        annotations (int): Number of annotations.
        left_out (Counter): Numbers of labeled ones that MMPose leaves out
            and a user may miss, by reason.
        first (dict[str, str]): The first of them, by reason.
    """

    annotations: int
    left_out: Counter
    first: Dict[str, str]


def check_label_file(path: str, num_values: int) -> LabelFile:
    """Check a file of keypoints in COCO's format.

    Args:
        path (str): The file.
        num_values (int): Number of values of ``keypoints``, 3 a joint.

    Returns:
        LabelFile: What it holds.

    Raises:
        ValueError: If something in it is not as MMPose reads it; the message
            names the file and the entry.
    """
    content = load_json(path, 'ann_file')
    images = _check_images(content, path)
    entries = list_of(content, 'annotations', path, 'ann_file')
    seen: Dict[Any, int] = {}
    left_out, first = Counter(), {}
    for index, entry in enumerate(entries):
        where = f"ann_file: '{path}', annotations[{index}]"
        key = entry.get('id', MISSING)
        if not isinstance(key, (int, str)):
            raise entry_error(where, 'id', key, 'an integer or a string')
        if seen.setdefault(key, index) != index:
            raise entry_error(
                where, 'id', key,
                f'unique, but annotations[{seen[key]}] has the same')
        image_id = entry.get('image_id', MISSING)
        if not isinstance(image_id, (int, str)):
            raise entry_error(where, 'image_id', image_id, 'an integer')
        if image_id not in images:
            # MMPose does not look at it any further
            reason = NO_IMAGE
        elif 'bbox' in entry and 'keypoints' in entry:
            reason = _check_annotation(entry, where, images[image_id],
                                       num_values)
        else:
            reason = ''
        if reason:
            left_out[reason] += 1
            first.setdefault(reason, f'annotations[{index}]')
    return LabelFile(len(entries), left_out, first)


def _check_images(content: Any, path: str) -> Dict[Any, dict]:
    """Check the images of a file; the entries by their ids."""
    images: Dict[Any, dict] = {}
    entries: List[dict] = list_of(content, 'images', path, 'ann_file')
    for index, entry in enumerate(entries):
        where = f"ann_file: '{path}', images[{index}]"
        key = entry.get('id', MISSING)
        if not isinstance(key, int):
            raise entry_error(where, 'id', key, 'an integer')
        if images.setdefault(key, entry) is not entry:
            raise entry_error(where, 'id', key,
                              'unique, but an earlier image has the same')
        name = entry.get('file_name', MISSING)
        if not isinstance(name, str) or not name:
            raise entry_error(where, 'file_name', name, 'a path')
    return images


def _check_annotation(entry: dict, where: str, image: dict,
                      num_values: int) -> str:
    """Check an annotation; why MMPose leaves it out though it is labeled."""
    for field in ('width', 'height'):
        if not is_number(image.get(field)) or image[field] <= 0:
            raise entry_error(f"{where}, image {image['id']}", field,
                              image.get(field, MISSING), 'a positive number')
    x, y, width, height = read_box(entry, where)
    keypoints = entry['keypoints']
    if (not isinstance(keypoints, list) or len(keypoints) != num_values
            or not all(map(is_number, keypoints))):
        raise entry_error(
            where, 'keypoints', keypoints,
            f'{num_values} finite numbers: x, y, visibility of each of the '
            f'{num_values // 3} joints of its metainfo')
    if 'category_id' not in entry:
        raise entry_error(where, 'category_id', MISSING, 'there')
    if entry.get('iscrowd') or not any(keypoints[2::3]):
        return ''
    right, bottom = image['width'] - 1, image['height'] - 1
    inside = (
        min(max(x, 0), right) < min(max(x + width, 0), right)
        and min(max(y, 0), bottom) < min(max(y + height, 0), bottom))
    return '' if inside else NO_BOX
