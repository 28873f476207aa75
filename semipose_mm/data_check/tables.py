# Copyright (c) semipose_mm authors.
"""Annotation files as tables, whatever is wrong in them.

Problems are counted by kind; :mod:`checks.structure` says how serious each
is for the dataset that reads the file.
"""
from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from semipose_mm.data_files.coco_files import shorten
from semipose_mm.data_files.numbers import are_numbers, is_id, is_number
from .findings import Tally


class Image(NamedTuple):
    """An image of a file; ``size`` is (width, height) in pixels if known."""

    name: str
    size: Optional[Tuple[float, float]]


class Row(NamedTuple):
    """An annotation or detection; None stands for what is not readable.

    Args:
        index (int): Its place in the file.
        id (int | str, optional): Its id.
        image (int | str, optional): Id of its image, if that is listed.
        category (Any): Its category.
        box (list, optional): x, y, width, height in pixels.
        keypoints (list, optional): x, y, visibility of each joint, flat.
        declared (int, optional): ``num_keypoints``.
        crowd (bool): Whether it is a crowd region.
        score (float): Score of a detection, 1 for an annotation.
    """

    index: int
    id: Any
    image: Any
    category: Any
    box: Optional[list]
    keypoints: Optional[list]
    declared: Optional[int] = None
    crowd: bool = False
    score: float = 1.


@dataclass
class Table:
    """The content of a file.

    Args:
        path (str): The file.
        images (dict): From id to :class:`Image`.
        rows (list[Row]): Annotations or detections; none for a mere list of
            images.
        categories (list[dict]): Those that are dicts.
        tally (Tally): What is wrong.
        annotated (bool): Whether the file has annotations.
        without_area (int): Number of annotations without ``area``.
        without_num (int): Number of those without ``num_keypoints``.
        fatal (str): Why nothing of the file could be read, or empty.
    """

    path: str
    images: Dict[Any, Image] = field(default_factory=dict)
    rows: List[Row] = field(default_factory=list)
    categories: List[dict] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    annotated: bool = False
    without_area: int = 0
    without_num: int = 0
    fatal: str = ''


def _entries(content: dict, name: str, tally: Tally):
    """Iterate the dicts of a list."""
    for index, entry in enumerate(content.get(name) or ()):
        if isinstance(entry, dict):
            yield index, entry
        else:
            tally.add('no dict', f'{name}[{index}] is {shorten(entry, 30)}')


def read_coco(content: Any, path: str) -> Table:
    """Read a file in COCO's format.

    Args:
        content (Any): Content of the file.
        path (str): The file.

    Returns:
        Table: The table.
    """
    table = Table(path)
    if not isinstance(content, dict):
        table.fatal = (f'holds a {type(content).__name__}, but must be a dict '
                       "with 'images'")
        return table
    for name in ('images', 'annotations', 'categories'):
        if not isinstance(content.get(name, []), list):
            table.fatal = (f"has a {type(content[name]).__name__} as '{name}'"
                           ', but needs a list')
            return table
    if 'images' not in content:
        table.fatal = "has no 'images'"
        return table
    _read_images(content, table)
    table.categories = [
        c for _, c in _entries(content, 'categories', table.tally)
    ]
    table.annotated = 'annotations' in content
    seen = set()
    for index, entry in _entries(content, 'annotations', table.tally):
        table.rows.append(_read_annotation(entry, index, table, seen))
    return table


def _read_images(content: dict, table: Table) -> None:
    """Read the list of images."""
    tally, names = table.tally, set()
    for index, entry in _entries(content, 'images', tally):
        where, key, name = f'images[{index}]', entry.get('id'), entry.get(
            'file_name')
        if not is_id(key):
            tally.add('image id', f'{where}.id is {shorten(key, 30)}')
            continue
        if isinstance(key, str):
            tally.add('image id text', f'{where}.id is {shorten(key, 30)}')
        if key in table.images:
            tally.add('image id twice', f'{where}.id is {key!r}')
            continue
        if not isinstance(name, str) or not name:
            tally.add('file_name', f'{where}.file_name is {shorten(name, 30)}')
            continue
        if name in names:
            tally.add('file_name twice', f'{where}: {name}')
        names.add(name)
        size = entry.get('width'), entry.get('height')
        if size[0] is None or size[1] is None:
            tally.add('no size', where)
            size = None
        elif not all(is_number(s) and s > 0 for s in size):
            tally.add('size', f'{where} is {shorten(size, 40)}')
            size = None
        table.images[key] = Image(name, size)


def _read_box(entry: dict, where: str, tally: Tally) -> Optional[list]:
    """Read a box; None if it is none."""
    box = entry.get('bbox')
    if box is None:
        tally.add('no box', where)
    elif not are_numbers(box) or len(box) != 4:
        tally.add('box', f'{where}.bbox is {shorten(box, 40)}')
        box = None
    return box


def _read_image_id(entry: dict, where: str, table: Table) -> Any:
    """Read the id of an image; None if there is no such image."""
    image = entry.get('image_id')
    if not is_id(image) or image not in table.images:
        table.tally.add('no image',
                        f'{where}.image_id is {shorten(image, 30)}')
        return None
    return image


def _read_annotation(entry: dict, index: int, table: Table, seen: set) -> Row:
    """Read an annotation."""
    where, tally = f'annotations[{index}]', table.tally
    key = entry.get('id')
    if not is_id(key):
        tally.add('id', f'{where}.id is {shorten(key, 30)}')
        key = None
    elif key in seen:
        tally.add('id twice', f'{where}.id is {key!r}')
    seen.add(key)
    if 'category_id' not in entry:
        tally.add('category', where)
    table.without_area += 'area' not in entry
    table.without_num += 'num_keypoints' not in entry
    keypoints = entry.get('keypoints')
    if keypoints is None:
        tally.add('no keypoints', where)
    elif not are_numbers(keypoints) or not keypoints or len(keypoints) % 3:
        tally.add('keypoints',
                  f'{where}.keypoints is {shorten(keypoints, 30)}')
        keypoints = None
    return Row(index, key, _read_image_id(entry, where, table),
               entry.get('category_id'), _read_box(entry, where,
                                                   tally), keypoints,
               entry.get('num_keypoints'), bool(entry.get('iscrowd')))


def read_detections(content: Any, path: str, images: Table) -> Table:
    """Read detection results.

    Args:
        content (Any): Content of the file.
        path (str): The file.
        images (Table): The table of the image list.

    Returns:
        Table: The table, with the images of the list.
    """
    table = Table(path, images=images.images)
    if not isinstance(content, list):
        table.fatal = (f'holds a {type(content).__name__}, but must be a list '
                       'of dicts with image_id, category_id, bbox, score')
        return table
    for index, entry in enumerate(content):
        where = f'entry {index}'
        if not isinstance(entry, dict):
            table.tally.add('no dict', f'{where} is {shorten(entry, 30)}')
            continue
        if 'category_id' not in entry:
            table.tally.add('category', where)
        score = entry.get('score')
        if not is_number(score):
            table.tally.add('score', f'{where}.score is {shorten(score, 30)}')
            score = float('nan')
        table.rows.append(
            Row(index,
                index,
                _read_image_id(entry, where, table),
                entry.get('category_id'),
                _read_box(entry, where, table.tally),
                None,
                score=score))
    return table


def read_mpii(content: Any, path: str) -> Table:
    """Read annotations of MPII as MMPose converted them.

    A box is the square of 200 pixels times ``scale`` around ``center``, which
    MMPose shifts down by 15 pixels times ``scale``.

    Args:
        content (Any): Content of the file.
        path (str): The file.

    Returns:
        Table: The table; the name of an image is its id.
    """
    table = Table(path, annotated=True)
    if not isinstance(content, list):
        table.fatal = (f'holds a {type(content).__name__}, but must be a list '
                       'of dicts with image, center, scale, joints, '
                       'joints_vis')
        return table
    for index, entry in enumerate(content):
        where = f'entry {index}'
        if not isinstance(entry, dict):
            table.tally.add('no dict', f'{where} is {shorten(entry, 30)}')
            continue
        name, box = entry.get('image'), None
        if not isinstance(name, str) or not name.split('.')[0].isdigit():
            # MMPose makes the id of it
            table.tally.add('mpii image',
                            f'{where}.image is {shorten(name, 30)}')
            name = None
        else:
            table.images.setdefault(name, Image(name, None))
        center, scale = entry.get('center'), entry.get('scale')
        if (not are_numbers(center) or len(center) != 2
                or not is_number(scale)):
            table.tally.add(
                'box', f'{where}: center {shorten(center, 30)}, '
                f'scale {shorten(scale, 20)}')
        else:
            side = 200 * scale
            box = [
                center[0] - 1 - side / 2,
                center[1] - 1 + 15 * scale - side / 2, side, side
            ]
        keypoints = _mpii_joints(entry)
        if keypoints is None:
            table.tally.add('keypoints', f'{where}: joints or joints_vis')
        table.rows.append(Row(index, index, name, 1, box, keypoints))
    return table


def _mpii_joints(entry: dict) -> Optional[list]:
    """Joints and their visibility, flat as in COCO; None if unreadable."""
    joints, visible = entry.get('joints'), entry.get('joints_vis')
    if (not isinstance(joints, list) or not joints or not are_numbers(visible)
            or len(joints) != len(visible)
            or not all(are_numbers(j) and len(j) == 2 for j in joints)):
        return None
    return [v for j, seen in zip(joints, visible) for v in (*j, seen)]
