# Copyright (c) semipose_mm authors.
"""Boxes from json files, and a clear word on what is wrong in them."""
import os.path as osp
from array import array
from collections import Counter
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .box_index import BoxIndex, Reading
from .image_paths import check_name
from .json_entries import (MISSING, entry_error, is_number, list_of, load_json,
                           read_box)

# What reading boxes never looks at, and most of a file of COCO's.
UNUSED = ('segmentation', 'coco_url', 'flickr_url')


class ImageEntry(NamedTuple):
    """An image of a COCO-style list.

    Args:
        path (str): Its path.
        size (tuple[float, float], optional): Width and height, if known.
        number (int): Its place in the list.
    """

    path: str
    size: Optional[Tuple[float, float]]
    number: int


class BoxColumns:
    """The boxes of a file while it is read, in columns that grow."""

    def __init__(self) -> None:
        self.images = array('i')
        self.entries = array('i')
        self.numbers = array('d')

    def add(self, image: ImageEntry, entry: int,
            xywh: Tuple[float, float, float, float], score: float) -> None:
        """Add a box.

        Args:
            image (ImageEntry): Its image.
            entry (int): Its index in the file.
            xywh (tuple[float]): x, y, width and height.
            score (float): Its score.
        """
        self.images.append(image.number)
        self.entries.append(entry)
        self.numbers.extend(xywh)
        self.numbers.append(score)


def load_boxes(path: str, key: str) -> Any:
    """Load a json file without what is never looked at.

    Args:
        path (str): Path of the file.
        key (str): The config key that names it, for the error messages.

    Returns:
        Any: Its content.
    """

    def slim(entry: dict) -> dict:
        for name in UNUSED:
            entry.pop(name, None)
        return entry

    return load_json(path, key, slim)


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
    images: Dict[Any, ImageEntry] = {}
    for index, entry in enumerate(
            list_of(content, 'images', path, 'ann_file')):
        where = f"ann_file: '{path}', images[{index}]"
        img_id = entry.get('id', MISSING)
        if not isinstance(img_id, (int, str)) or isinstance(img_id, bool):
            raise entry_error(where, 'id', img_id, 'an integer or a string')
        if img_id in images:
            raise entry_error(
                where, 'id', img_id,
                f'unique, but images[{images[img_id].number}] has the same')
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
        images[img_id] = ImageEntry(location, size, index)
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


def read_detections(
    path: str,
    images: Dict[Any, ImageEntry],
    list_path: str,
    category_ids: Optional[Sequence[int]] = None
) -> Tuple[BoxColumns, Counter]:
    """Read detection results: image_id, category_id, bbox (xywh), score.

    Args:
        path (str): Path of the detection results.
        images (dict): The images by id.
        list_path (str): Path of the image list, for the error messages.
        category_ids (Sequence[int], optional): The categories to keep.
            Defaults to None, which keeps all.

    Returns:
        tuple[BoxColumns, Counter]: The boxes, and the number of entries that
        were left out, by reason.
    """
    entries = load_boxes(path, 'bbox_file')
    if not isinstance(entries, list):
        raise ValueError(
            f"bbox_file: '{path}' holds a {type(entries).__name__}; it must "
            'be a list of dicts with image_id, category_id, bbox, score')
    columns, dropped = BoxColumns(), Counter()
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
        columns.add(images[img_id], index, xywh, float(score))
    return columns, dropped


def read_annotations(
    content: Any,
    path: str,
    images: Dict[Any, ImageEntry],
    category_ids: Optional[Sequence[int]] = None,
    keypoints_only: bool = False,
) -> Tuple[BoxColumns, Counter]:
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
        tuple[BoxColumns, Counter]: The boxes, and the number of entries that
        were left out, by reason.
    """
    if isinstance(content, dict) and 'annotations' not in content:
        raise ValueError(
            f"ann_file: '{path}' has no 'annotations', so its images have "
            'no boxes: set bbox_file to detection results, or list the '
            'images in a .txt file to take the whole image as box')
    columns, dropped = BoxColumns(), Counter()
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
        columns.add(images[img_id], index, xywh, 1.)
    return columns, dropped


def select_boxes(columns: BoxColumns,
                 images: Dict[Any, ImageEntry],
                 outside: str,
                 score_thr: float = 0.,
                 max_per_image: Optional[int] = None) -> Reading:
    """Clip the boxes and keep those with a high score, in the file's order.

    Args:
        columns (BoxColumns): The boxes.
        images (dict): The images by id.
        outside (str): What to call boxes of which nothing lies in the image.
        score_thr (float): The lowest score to keep. Defaults to 0.
        max_per_image (int, optional): The number of boxes to keep of an
            image: those with the highest scores, the earlier one of equal
            ones. Defaults to None, which keeps all.

    Returns:
        Reading: The boxes, and the number of those that were left out.
    """
    owners = np.asarray(columns.images)
    numbers = np.asarray(columns.numbers).reshape(-1, 5)
    boxes = np.concatenate((numbers[:, :2], numbers[:, :2] + numbers[:, 2:4]),
                           1)
    scores = numbers[:, 4]
    # The last pixel's index is the limit, as in MMPose's labeled boxes.
    limits = np.array(
        [(0, image.size[0] - 1, image.size[1] - 1) if image.size else
         (-np.inf, np.inf, np.inf)
         for image in images.values()], float).reshape(-1, 3)
    least, right, bottom = limits[owners].T
    for side, limit in enumerate((right, bottom, right, bottom)):
        boxes[:, side] = np.minimum(np.maximum(boxes[:, side], least), limit)

    kept = np.flatnonzero((boxes[:, :2] < boxes[:, 2:]).all(1))
    left_out = {outside: len(boxes) - len(kept)}
    good = kept[scores[kept] >= score_thr]
    left_out['below score_thr'] = len(kept) - len(good)
    kept = good
    if max_per_image is not None:
        # stable: equal scores stay in the file's order
        order = kept[np.lexsort((-scores[kept], owners[kept]))]
        _, first, counts = np.unique(
            owners[order], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(first, counts)
        best = np.sort(order[rank < max_per_image])
        left_out['beyond max_per_image'] = len(kept) - len(best)
        kept = best
    index = BoxIndex.build([image.path for image in images.values()],
                           list(images), owners[kept],
                           np.asarray(columns.entries)[kept], boxes[kept],
                           scores[kept])
    return Reading(index, left_out)
