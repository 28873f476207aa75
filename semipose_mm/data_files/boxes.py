# Copyright (c) semipose_mm authors.
"""Boxes of detections or annotations, in columns and nothing else of them."""
from array import array
from collections import Counter
from typing import Any, Collection, Dict, NamedTuple, Optional, Sequence

import numpy as np

from .findings import Findings
from .images.lists import Image
from .labels.entries import labeled_images
from .numbers import BOX, is_box, is_id, is_number
from .text import MISSING, entries_of, only_dicts, read_json, show

# What reading boxes never looks at, and most of a file of COCO's.
UNUSED = ('segmentation', 'coco_url', 'flickr_url')


class Boxes(NamedTuple):
    """Boxes of a file, in its order.

    Args:
        images (np.ndarray): Place of the image of each box in the list.
        entries (np.ndarray): Index of each box in its file.
        xywh (np.ndarray): x, y, width, height in pixels, shape (N, 4).
        scores (np.ndarray): Their scores, 1 for annotations.
        left_out (Counter): Numbers of the other entries, by reason.
    """

    images: np.ndarray
    entries: np.ndarray
    xywh: np.ndarray
    scores: np.ndarray
    left_out: Counter


class _Columns:
    """The boxes of a file while it is read, in columns that grow."""

    def __init__(self) -> None:
        self.images = array('i')
        self.entries = array('i')
        self.numbers = array('d')
        self.left_out: Counter = Counter()
        self.others: Counter = Counter()

    def add(self, image: Image, entry: int, xywh: Sequence[float],
            score: float) -> None:
        """Add a box."""
        self.images.append(image.number)
        self.entries.append(entry)
        self.numbers.extend(xywh)
        self.numbers.append(score)

    def finish(self) -> Boxes:
        """Get the columns."""
        numbers = np.asarray(self.numbers).reshape(-1, 5)
        return Boxes(
            np.asarray(self.images), np.asarray(self.entries), numbers[:, :4],
            numbers[:, 4], self.left_out)


def load_boxes(path: str, key: str, findings: Findings) -> Any:
    """Load a json file without what is never looked at.

    Args:
        path (str): Path of the file.
        key (str): The config key or option that names it, for messages.
        findings (Findings): Learns what is wrong.

    Returns:
        Any: Its content, None if it cannot be read.
    """

    def slim(entry: dict) -> dict:
        for name in UNUSED:
            entry.pop(name, None)
        return entry

    return read_json(path, key, findings, slim)


class _Faults:
    """Says what is wrong in entries; their names are made only then."""

    def __init__(self, where: str, pattern: str, images: Dict[Any, Image],
                 findings: Findings) -> None:
        self.place = f'{where}, {pattern}'
        self.allowed = (f'the id of one of the {len(images)} images that are '
                        'listed')
        self.findings = findings

    def add(self, index: int, field: str, value: Any, allowed: str) -> None:
        """Add a wrong field."""
        self.findings.error(
            field,
            f'{self.place.format(index)}.{field}',
            show(value),
            allowed=allowed)


def _check_categories(columns: _Columns, wanted: Optional[Collection[Any]],
                      total: int, where: str, categories: Any,
                      findings: Findings) -> None:
    """Refuse categories that no entry has."""
    if not columns.others or sum(columns.others.values()) < total:
        return
    names = {
        one.get('id'): one.get('name')
        for one in categories or ()
        if isinstance(one, dict) and is_id(one.get('id'))
    } if isinstance(categories, list) else {}
    known = ', '.join(
        f'{key}{f" ({names[key]})" if key in names else ""}: {count:,}'
        for key, count in columns.others.most_common(8))
    findings.error(
        'categories',
        where,
        f'has no entry of category_ids={list(wanted)}',
        advice=f'It has entries of the categories {known}')


def read_detections(content: Any,
                    where: str,
                    images: Dict[Any, Image],
                    findings: Findings,
                    category_ids: Optional[Collection[Any]] = None,
                    categories: Any = None) -> Boxes:
    """Read detection results: image_id, category_id, bbox (xywh), score.

    Args:
        content (Any): Content of the file, or None for nothing.
        where (str): The file, for messages.
        images (dict): The images by id.
        findings (Findings): Learns what is wrong.
        category_ids (Collection, optional): The categories to keep. Defaults
            to None, which keeps all.
        categories (list[dict], optional): ``categories`` of the list of
            images, whose names are shown where none is of those to keep.
            Defaults to None.

    Returns:
        Boxes: The boxes.
    """
    columns = _Columns()
    if content is None:
        content = []
    elif not isinstance(content, list):
        findings.error(
            'list',
            where,
            f'holds a {type(content).__name__}',
            allowed='a list of dicts with image_id, category_id, bbox, score')
        content = []
    faults = _Faults(where, 'entry {}', images, findings)
    for index, entry in only_dicts(content, where, 'entry {}', findings):
        key = entry.get('image_id', MISSING)
        image = images.get(key) if is_id(key) else None
        if image is None:
            faults.add(index, 'image_id', key, faults.allowed)
            continue
        if category_ids is not None:
            category = entry.get('category_id', MISSING)
            if not is_id(category):
                faults.add(index, 'category_id', category,
                           'there, since category_ids is set')
                continue
            if category not in category_ids:
                columns.others[category] += 1
                columns.left_out['of other categories'] += 1
                continue
        box = entry.get('bbox', MISSING)
        score = entry.get('score', MISSING)
        if not is_box(box):
            faults.add(index, 'bbox', box, BOX)
        elif box[2] < 0 or box[3] < 0:
            faults.add(index, 'bbox', box, 'of positive width and height')
        elif not is_number(score):
            faults.add(index, 'score', score, 'a finite number')
        elif not box[2] or not box[3]:
            columns.left_out['of no size'] += 1
            findings.warn('empty box', f'{where}, entry {index}.bbox',
                          f'is {show(box)}, of no size, and is left out')
        else:
            columns.add(image, index, box, score)
    _check_categories(columns, category_ids, len(content), where, categories,
                      findings)
    return _count(columns, len(content))


def read_annotations(content: Any,
                     where: str,
                     images: Dict[Any, Image],
                     findings: Findings,
                     category_ids: Optional[Collection[Any]] = None,
                     keypoints_only: bool = False,
                     without_labels: bool = False) -> Boxes:
    """Read the boxes of an annotated COCO-style file; nothing else of it.

    Args:
        content (Any): Content of the file, or None for nothing.
        where (str): The file, for messages.
        images (dict): The images by id.
        findings (Findings): Learns what is wrong.
        category_ids (Collection, optional): The categories to keep. Defaults
            to None, which keeps all.
        keypoints_only (bool): Whether to keep only those with keypoints that
            are not all zero. Defaults to False.
        without_labels (bool): Whether to keep only those on images without
            any labeled joint. Defaults to False.

    Returns:
        Boxes: The boxes.
    """
    entries, columns = [], _Columns()
    if isinstance(content, dict) and 'annotations' not in content:
        findings.error(
            'no boxes',
            where,
            "has no 'annotations', so its images have no boxes",
            advice='Set bbox_file to detection results, or list the images '
            'in a .txt file to take the whole image as box')
    else:
        entries = entries_of(content, 'annotations', where, findings)
    labeled = labeled_images(one for _, one in entries) if without_labels \
        else ()
    faults = _Faults(where, 'annotations[{}]', images, findings)
    for index, entry in entries:
        key = entry.get('image_id', MISSING)
        image = images.get(key) if is_id(key) else None
        if image is None:
            faults.add(index, 'image_id', key, faults.allowed)
            continue
        if category_ids is not None:
            category = entry.get('category_id')
            if category not in category_ids:
                columns.others[category if is_id(category) else None] += 1
                columns.left_out['of other categories'] += 1
                continue
        if entry.get('iscrowd'):
            columns.left_out['crowd'] += 1
            continue
        if labeled and key in labeled:
            columns.left_out['on images with labels'] += 1
            continue
        if keypoints_only:
            keypoints = entry.get('keypoints') or []
            if not isinstance(keypoints, list):
                faults.add(index, 'keypoints', keypoints, 'a list')
                continue
            if not any(keypoints):
                columns.left_out['without keypoints'] += 1
                continue
        box = entry.get('bbox', MISSING)
        if is_box(box):
            columns.add(image, index, box, 1.)
        elif without_labels and box is MISSING:
            columns.left_out['without a box'] += 1
        else:
            faults.add(index, 'bbox', box, BOX)
    categories = isinstance(content, dict) and content.get('categories')
    _check_categories(columns, category_ids, len(entries), where, categories,
                      findings)
    return _count(columns, len(entries))


def _count(columns: _Columns, total: int) -> Boxes:
    """Let the numbers of boxes and of what is left out add up."""
    wrong = total - len(columns.images) - sum(columns.left_out.values())
    if wrong:
        columns.left_out['with errors'] = wrong
    return columns.finish()
