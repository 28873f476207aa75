# Copyright (c) semipose_mm authors.
"""YOLO pose, as Ultralytics trains with it.

Read without sleap-io, which drops ``flip_idx`` and reads one split alone.
"""
import os.path as osp
from typing import Any, Dict, List, Sequence

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.images import image_fault, image_size, scan_images
from semipose_mm.data_files.text import read_lines
from .source import Source, number_of

SPLITS = ('train', 'val', 'test')


def read_yolo(path: str, content: dict, findings: Findings) -> Source:
    """Read a data set of YOLO pose, all of its splits.

    Args:
        path (str): Its yaml file.
        content (dict): What that holds.
        findings (Findings): Learns what is doubtful.

    Returns:
        Source: The labels.

    Raises:
        DataError: If something cannot be read.
    """
    where = f"SOURCE '{path}'"
    shape = content.get('kpt_shape')
    if not (isinstance(shape, list) and len(shape) == 2
            and all(type(one) is int for one in shape) and shape[1] in (2, 3)):
        raise DataError(f'{where}, kpt_shape is {shape!r}; it must be the '
                        'number of joints and 2 or 3 numbers for each')
    num, dims = shape
    source = Source(
        path, 'YOLO pose', _names(content, num, where, findings), files=[path])
    classes = content.get('names')
    if isinstance(classes, (dict, list)) and len(classes) == 1:
        source.category = str(classes[0] if isinstance(classes, list) else
                              [*classes.values()][0])
    flips = content.get('flip_idx')
    if flips is not None:
        if not isinstance(flips, list) or set(flips) != set(range(num)) or any(
                flips[one] != i for i, one in enumerate(flips)):
            raise DataError(f'{where}, flip_idx is {flips}; it must have the '
                            f'numbers 0 to {num - 1}, exchanged in pairs')
        source.flip_pairs = [(source.names[i], source.names[one])
                             for i, one in enumerate(flips) if i < one]
    for folder in _folders(path, content):
        for name in scan_images(folder, findings):
            image = osp.join(folder, name)
            _read_image(image, source, num, dims, findings)
    return source


def _names(content: dict, num: int, where: str,
           findings: Findings) -> List[str]:
    """Names of the joints; numbers where the file has none."""
    names: Any = content.get('kpt_names')
    if isinstance(names, dict) and names and all(
            isinstance(one, list) for one in names.values()):
        names = [*names.values()][0]  # those of the first class
    if isinstance(names, dict):
        names = list(names.values())
    if names is None:
        findings.warn(
            'names',
            where,
            'has no kpt_names: joints are called kp0, kp1, ...',
            advice='Add the list kpt_names to the yaml file')
        return [f'kp{i}' for i in range(num)]
    if not isinstance(names, list) or len(set(map(str, names))) != num or \
            len(names) != num:
        raise DataError(f'{where}, kpt_names is {names!r}; it must be {num} '
                        'different names')
    return list(map(str, names))


def _folders(path: str, content: dict) -> List[str]:
    """The folders of images of all splits."""
    here = osp.dirname(osp.abspath(path))
    stated = osp.join(here, str(content.get('path') or ''))
    found = []
    for split in SPLITS:
        named = content.get(split) or []
        for one in [named] if isinstance(named, str) else named:
            # exports name folders from where they were made
            tried = [
                osp.normpath(osp.join(root, name)) for root in (stated, here)
                for name in (one, one.lstrip('./'))
            ]
            folder = next((f for f in tried if osp.isdir(f)), None)
            if folder is None:
                raise DataError(f"SOURCE '{path}', {split} is {one!r}; it "
                                'must be a folder of images')
            found.append(folder)
    if not found:
        raise DataError(f"SOURCE '{path}' names no folder as train, val or "
                        'test')
    return list(dict.fromkeys(found))


def _read_image(image: str, source: Source, num: int, dims: int,
                findings: Findings) -> None:
    """Add an image and the file of its labels."""
    stem = osp.splitext(image)[0]
    before, inside, name = stem.rpartition('/images/')
    labels = (f'{before}/labels/{name}' if inside else stem) + '.txt'
    people = []
    if osp.isfile(labels):
        fault = image_fault(image)
        if fault:
            raise DataError(f'{source.where}: {image} {fault}')
        width, height = image_size(image)
        source.files.append(labels)
        for number, line in read_lines(labels, 'labels', findings).lines:
            place = f'{labels}, line {number}'
            values = [number_of(one, place) for one in line.split()]
            if None in values or len(values) != 5 + dims * num:
                raise DataError(
                    f'{place} has {len(values)} values; it must have class, '
                    f'box and {dims} for each of {num} joints, '
                    f'{5 + dims * num} in all')
            people.append(_joints(values[5:], dims, width, height, place))
    source.add(people, image)


def _joints(values: Sequence[Any], dims: int, width: int, height: int,
            place: str) -> List[float]:
    found: List[float] = []
    for i in range(0, len(values), dims):
        x, y = values[i:i + 2]
        # without visibility a joint that is not labeled is 0, 0
        seen = values[i + 2] if dims == 3 else 2 * bool(x or y)
        if seen not in (0, 1, 2) or max(x, y) > 2:
            raise DataError(f'{place}, joint {i // dims} is '
                            f'{values[i:i + dims]}; it must be x and y in '
                            'shares of the image and visibility 0, 1 or 2')
        found += [x * width, y * height, int(seen)] if seen else [0., 0., 0]
    return found


def is_yolo(content: Any) -> bool:
    """Whether a yaml file describes a data set of YOLO pose."""
    keys: Dict[str, Any] = content if isinstance(content, dict) else {}
    return 'kpt_shape' in keys
