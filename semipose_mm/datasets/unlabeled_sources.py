# Copyright (c) semipose_mm authors.
"""Boxes from json files, and a clear word on what is wrong in them.

Every reader returns a list of plain records with the keys ``img_path``,
``img_id``, ``id`` (index of the entry in its file), ``bbox`` (x1, y1, x2, y2)
and ``bbox_score``.
"""
import json
import math
import os.path as osp
from collections import Counter, defaultdict
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from mmengine.fileio import exists, get_text

_MISSING = object()


class ImageEntry(NamedTuple):
    """An image of a COCO-style list; ``size`` is (width, height) if known."""

    path: str
    size: Optional[Tuple[float, float]]


def _entry_error(where: str, field: str, found: Any,
                 allowed: str) -> ValueError:
    """Say what is wrong with a field of an entry."""
    if found is _MISSING:
        found = 'is missing'
    else:
        text = repr(found)
        found = 'is ' + (text if len(text) < 100 else text[:97] + '...')
    return ValueError(f"{where}: field '{field}' {found}; it must be "
                      f'{allowed}')


def _is_number(value: Any) -> bool:
    """Whether a value from a json file is a finite number."""
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and math.isfinite(value))


def load_json(path: str, key: str) -> Any:
    """Load a json file.

    Args:
        path (str): Path of the file.
        key (str): The config key that names it, for the error messages.

    Returns:
        Any: Its content.
    """
    if not exists(path):
        raise FileNotFoundError(f"{key}: there is no file '{path}'")
    try:
        return json.loads(get_text(path))
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{key}: '{path}' cannot be read as json: {error}") from error


def _list_of(content: Any, field: str, path: str, key: str) -> list:
    """Get a list of a COCO-style file, with its entries checked as dicts."""
    if not isinstance(content, dict):
        raise ValueError(
            f"{key}: '{path}' holds a {type(content).__name__}; it must be "
            f"a COCO-style dict with the list '{field}'")
    entries = content.get(field, _MISSING)
    if not isinstance(entries, list):
        found = ('no'
                 if entries is _MISSING else f'a {type(entries).__name__} as')
        raise ValueError(f"{key}: '{path}' has {found} '{field}'; it must be "
                         'a list of dicts')
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise ValueError(f"{key}: '{path}', {field}[{index}] is a "
                             f'{type(entry).__name__}; it must be a dict')
    return entries


def read_images(content: Any, path: str, prefix: str) -> Dict[Any, ImageEntry]:
    """Read the images of a COCO-style file.

    Args:
        content (Any): Content of the file.
        path (str): Path of the file, for the error messages.
        prefix (str): The folder that ``file_name`` is relative to.

    Returns:
        dict: From image id to :class:`ImageEntry`.
    """
    images, first = {}, {}
    for index, entry in enumerate(
            _list_of(content, 'images', path, 'ann_file')):
        where = f"ann_file: '{path}', images[{index}]"
        img_id = entry.get('id', _MISSING)
        if not isinstance(img_id, (int, str)) or isinstance(img_id, bool):
            raise _entry_error(where, 'id', img_id, 'an integer or a string')
        if img_id in images:
            raise _entry_error(
                where, 'id', img_id,
                f'unique, but images[{first[img_id]}] has the same')
        name = entry.get('file_name', _MISSING)
        if not isinstance(name, str) or not name:
            raise _entry_error(where, 'file_name', name, 'a path')
        size = None
        if entry.get('width') is not None and entry.get('height') is not None:
            size = (entry['width'], entry['height'])
            for field, value in zip(('width', 'height'), size):
                if not _is_number(value) or value <= 0:
                    raise _entry_error(where, field, value,
                                       'a positive number')
        images[img_id] = ImageEntry(osp.join(prefix, name), size)
        first[img_id] = index
    return images


def _read_box(entry: dict, where: str) -> Tuple[float, float, float, float]:
    """Read a box x, y, width, height of any size."""
    bbox = entry.get('bbox', _MISSING)
    if (not isinstance(bbox, list) or len(bbox) != 4
            or not all(map(_is_number, bbox))):
        raise _entry_error(where, 'bbox', bbox,
                           'four finite numbers: x, y, width, height')
    return tuple(map(float, bbox))


def _read_image_id(entry: dict, where: str, images: Dict[Any, ImageEntry],
                   list_path: str) -> Any:
    """Read the image id of a box."""
    img_id = entry.get('image_id', _MISSING)
    if not isinstance(img_id, (int, str)) or img_id not in images:
        raise _entry_error(
            where, 'image_id', img_id,
            f"the id of one of the {len(images)} images in '{list_path}'")
    return img_id


def _record(image: ImageEntry, img_id: Any, index: int,
            xywh: Tuple[float, float, float,
                        float], score: float) -> Optional[dict]:
    """Make a record; None if nothing of the box lies in its image."""
    x1, y1, x2, y2 = xywh[0], xywh[1], xywh[0] + xywh[2], xywh[1] + xywh[3]
    if image.size is not None:
        # The last pixel's index is the limit, as in MMPose's labeled boxes.
        right, bottom = image.size[0] - 1, image.size[1] - 1
        x1, x2 = min(max(x1, 0.), right), min(max(x2, 0.), right)
        y1, y2 = min(max(y1, 0.), bottom), min(max(y2, 0.), bottom)
    if x2 <= x1 or y2 <= y1:
        return None
    return dict(
        img_path=image.path,
        img_id=img_id,
        id=index,
        bbox=(x1, y1, x2, y2),
        bbox_score=score)


def read_detections(
    path: str,
    images: Dict[Any, ImageEntry],
    list_path: str,
    category_ids: Optional[Sequence[int]] = None
) -> Tuple[List[dict], Counter]:
    """Read detection results: image_id, category_id, bbox (xywh), score.

    Args:
        path (str): Path of the detection results.
        images (dict): The images by id.
        list_path (str): Path of the image list, for the error messages.
        category_ids (Sequence[int], optional): The categories to keep.
            Defaults to None, which keeps all.

    Returns:
        tuple[list[dict], Counter]: The records, and the number of entries
        that were left out, by reason.
    """
    entries = load_json(path, 'bbox_file')
    if not isinstance(entries, list):
        raise ValueError(
            f"bbox_file: '{path}' holds a {type(entries).__name__}; it must "
            'be a list of dicts with image_id, category_id, bbox, score')
    records, dropped = [], Counter()
    for index, entry in enumerate(entries):
        where = f"bbox_file: '{path}', entry {index}"
        if not isinstance(entry, dict):
            raise ValueError(f'{where} is a {type(entry).__name__}; it must '
                             'be a dict')
        img_id = _read_image_id(entry, where, images, list_path)
        if category_ids is not None:
            if 'category_id' not in entry:
                raise _entry_error(where, 'category_id', _MISSING,
                                   'there, since category_ids is set')
            if entry['category_id'] not in category_ids:
                dropped['of other categories'] += 1
                continue
        xywh = _read_box(entry, where)
        if xywh[2] <= 0 or xywh[3] <= 0:
            raise _entry_error(where, 'bbox', entry['bbox'],
                               'of positive width and height')
        score = entry.get('score', _MISSING)
        if not _is_number(score):
            raise _entry_error(where, 'score', score, 'a finite number')
        record = _record(images[img_id], img_id, index, xywh, float(score))
        if record is None:
            dropped['outside their image'] += 1
        else:
            records.append(record)
    return records, dropped


def read_annotations(
    content: Any,
    path: str,
    images: Dict[Any, ImageEntry],
    category_ids: Optional[Sequence[int]] = None,
    keypoints_only: bool = False,
) -> Tuple[List[dict], Counter]:
    """Read the boxes of an annotated COCO-style file; nothing else of it.

    Args:
        content (Any): Content of the file.
        path (str): Path of the file, for the error messages.
        images (dict): The images by id.
        category_ids (Sequence[int], optional): The categories to keep.
            Defaults to None, which keeps all.
        keypoints_only (bool): Whether to keep only those with keypoints that
            are not all zero. Defaults to False.

    Returns:
        tuple[list[dict], Counter]: The records, and the number of entries
        that were left out, by reason.
    """
    if isinstance(content, dict) and 'annotations' not in content:
        raise ValueError(
            f"ann_file: '{path}' has no 'annotations', so its images have "
            'no boxes: set bbox_file to detection results, or list the '
            'images in a .txt file to take the whole image as box')
    records, dropped = [], Counter()
    for index, entry in enumerate(
            _list_of(content, 'annotations', path, 'ann_file')):
        where = f"ann_file: '{path}', annotations[{index}]"
        img_id = _read_image_id(entry, where, images, path)
        if (category_ids is not None
                and entry.get('category_id') not in category_ids):
            dropped['of other categories'] += 1
            continue
        if entry.get('iscrowd'):
            dropped['crowd'] += 1
            continue
        if keypoints_only and not any(entry.get('keypoints') or ()):
            dropped['without keypoints'] += 1
            continue
        xywh = _read_box(entry, where)
        record = _record(images[img_id], img_id, index, xywh, 1.)
        if record is None:
            dropped['of no size'] += 1
        else:
            records.append(record)
    return records, dropped


def keep_best(
        records: List[dict],
        score_thr: float = 0.,
        max_per_image: Optional[int] = None) -> Tuple[List[dict], Counter]:
    """Keep the boxes with a high score, in the order of the file.

    Args:
        records (list[dict]): The records.
        score_thr (float): The lowest score to keep. Defaults to 0.
        max_per_image (int, optional): The number of boxes to keep of an
            image: those with the highest scores, the earlier one of equal
            ones. Defaults to None, which keeps all.

    Returns:
        tuple[list[dict], Counter]: The records, and the number of boxes that
        were left out, by reason.
    """
    kept = [r for r in records if r['bbox_score'] >= score_thr]
    dropped = Counter({'below score_thr': len(records) - len(kept)})
    if max_per_image is not None:
        by_image = defaultdict(list)
        for index, record in enumerate(kept):
            by_image[record['img_id']].append(index)
        best = set()
        for indices in by_image.values():
            # `sorted` is stable: equal scores stay in the file's order.
            indices = sorted(indices, key=lambda i: -kept[i]['bbox_score'])
            best.update(indices[:max_per_image])
        dropped['beyond max_per_image'] = len(kept) - len(best)
        kept = [r for i, r in enumerate(kept) if i in best]
    return kept, dropped
