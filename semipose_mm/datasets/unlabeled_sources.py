# Copyright (c) semipose_mm authors.
"""Boxes from json files, and a clear word on what is wrong in them.

Every reader returns a list of plain records with the keys ``img_path``,
``img_id``, ``id`` (index of the entry in its file), ``bbox`` (x1, y1, x2, y2)
and ``bbox_score``.
"""
import os.path as osp
from collections import Counter, defaultdict
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .image_paths import check_name
from .json_entries import (MISSING, entry_error, is_number, list_of, load_json,
                           read_box)


class ImageEntry(NamedTuple):
    """An image of a COCO-style list; ``size`` is (width, height) if known."""

    path: str
    size: Optional[Tuple[float, float]]


def read_images(
        content: Any,
        path: str,
        prefix: str,
        roots: Sequence[str] = (),
) -> Dict[Any, ImageEntry]:
    """Read the images of a COCO-style file.

    Args:
        content (Any): Content of the file.
        path (str): Path of the file, for the error messages.
        prefix (str): The folder that ``file_name`` is relative to.
        roots (Sequence[str]): The folders that it must lead to. Defaults to
            (), which is any.

    Returns:
        dict: From image id to :class:`ImageEntry`.
    """
    images, first = {}, {}
    for index, entry in enumerate(
            list_of(content, 'images', path, 'ann_file')):
        where = f"ann_file: '{path}', images[{index}]"
        img_id = entry.get('id', MISSING)
        if not isinstance(img_id, (int, str)) or isinstance(img_id, bool):
            raise entry_error(where, 'id', img_id, 'an integer or a string')
        if img_id in images:
            raise entry_error(
                where, 'id', img_id,
                f'unique, but images[{first[img_id]}] has the same')
        name = entry.get('file_name', MISSING)
        if not isinstance(name, str) or not name:
            raise entry_error(where, 'file_name', name, 'a path')
        size = None
        if entry.get('width') is not None and entry.get('height') is not None:
            size = (entry['width'], entry['height'])
            for field, value in zip(('width', 'height'), size):
                if not is_number(value) or value <= 0:
                    raise entry_error(where, field, value, 'a positive number')
        location = osp.join(prefix, name)
        check_name(name, location, roots, where)
        images[img_id] = ImageEntry(location, size)
        first[img_id] = index
    return images


def _read_image_id(entry: dict, where: str, images: Dict[Any, ImageEntry],
                   list_path: str) -> Any:
    """Read the image id of a box."""
    img_id = entry.get('image_id', MISSING)
    if not isinstance(img_id, (int, str)) or img_id not in images:
        raise entry_error(
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
                raise entry_error(where, 'category_id', MISSING,
                                  'there, since category_ids is set')
            if entry['category_id'] not in category_ids:
                dropped['of other categories'] += 1
                continue
        xywh = read_box(entry, where)
        if xywh[2] <= 0 or xywh[3] <= 0:
            raise entry_error(where, 'bbox', entry['bbox'],
                              'of positive width and height')
        score = entry.get('score', MISSING)
        if not is_number(score):
            raise entry_error(where, 'score', score, 'a finite number')
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
            list_of(content, 'annotations', path, 'ann_file')):
        where = f"ann_file: '{path}', annotations[{index}]"
        img_id = _read_image_id(entry, where, images, path)
        if (category_ids is not None
                and entry.get('category_id') not in category_ids):
            dropped['of other categories'] += 1
            continue
        if entry.get('iscrowd'):
            dropped['crowd'] += 1
            continue
        if keypoints_only:
            keypoints = entry.get('keypoints') or []
            if not isinstance(keypoints, list):
                raise entry_error(where, 'keypoints', keypoints, 'a list')
            if not any(keypoints):
                dropped['without keypoints'] += 1
                continue
        xywh = read_box(entry, where)
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
