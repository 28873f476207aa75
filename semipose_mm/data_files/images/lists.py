# Copyright (c) semipose_mm authors.
"""Lists of images: of a COCO file, a text file, or a folder."""
import os
import os.path as osp
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..findings import Findings
from ..numbers import is_id, is_number
from ..text import IMAGES, MISSING, entries_of, read_json, read_lines, show
from .check import image_size
from .names import check_name, name_on_disk, say_missing


class Image(NamedTuple):
    """An image of a list.

    Args:
        name (str): Its file name as the disk writes it, relative to the
            folder of the images.
        path (str): Its path.
        size (tuple[float, float], optional): Width and height in pixels, if
            the list tells.
        number (int): Its place in the list.
        where (str): The file and the line that name it, empty for a COCO
            file. Defaults to ''.
    """

    name: str
    path: str
    size: Optional[Tuple[float, float]]
    number: int
    where: str = ''


def read_image_list(path: str,
                    key: str,
                    folder: str,
                    findings: Findings,
                    roots: Sequence[str] = (),
                    exist: bool = True) -> Dict[Any, Image]:
    """Read a list of images, of whichever kind it is.

    Args:
        path (str): A COCO json, a ``.txt`` with a file name a line, or empty
            for all images in the folder and the folders in it, sorted.
        key (str): The config key or option that names it, for messages.
        folder (str): The folder that file names are relative to.
        findings (Findings): Learns what is wrong. Whether images exist is
            looked up for names of ``.txt`` lists alone.
        roots (Sequence[str]): The folders that names must lead to. Defaults
            to (), which is any.
        exist (bool): Whether names of a ``.txt`` list must exist. Defaults
            to True.

    Returns:
        dict: From image id to :class:`Image`; ids of a text list or a folder
        count from 0.
    """
    if not path:
        names = [("data_prefix['img']", name)
                 for name in scan_images(folder, findings)]
    elif path.lower().endswith('.txt'):
        names = _read_names(path, key, folder, findings, roots, exist)
    else:
        return read_images(
            read_json(path, key, findings), f"{key} '{path}'", folder,
            findings, roots)
    return {
        index: Image(name, osp.join(folder, name), None, index, where)
        for index, (where, name) in enumerate(names)
    }


def read_images(content: Any,
                where: str,
                folder: str,
                findings: Findings,
                roots: Sequence[str] = ()) -> Dict[Any, Image]:
    """Read ``images`` of a COCO file.

    Args:
        content (Any): Content of the file, or None for nothing.
        where (str): The file, for messages.
        folder (str): The folder that ``file_name`` is relative to.
        findings (Findings): Learns what is wrong.
        roots (Sequence[str]): The folders that names must lead to. Defaults
            to (), which is any.

    Returns:
        dict: From image id to :class:`Image`.
    """
    images: Dict[Any, Image] = {}
    for index, entry in entries_of(content, 'images', where, findings):
        place = f'{where}, images[{index}]'
        key, name = entry.get('id', MISSING), entry.get('file_name', MISSING)
        if not is_id(key):
            findings.error('image id', f'{place}.id', show(key),
                           allowed='an integer or a string')
            continue
        if key in images:
            findings.error(
                'image id twice', f'{place}.id', show(key),
                allowed='unique, but '
                f'images[{images[key].number}] has the same')
            continue
        if not isinstance(name, str) or not name:
            findings.error('file_name', f'{place}.file_name', show(name),
                           allowed='a path')
            continue
        name = name_on_disk(name, folder)
        path = osp.join(folder, name)
        if check_name(name, path, roots, f'{place}.file_name', findings):
            size = _read_size(entry, place, findings)
            images[key] = Image(name, path, size, len(images))
    return images


def _read_size(entry: dict, place: str,
               findings: Findings) -> Optional[Tuple[float, float]]:
    """Read width and height, if there are any."""
    size = entry.get('width'), entry.get('height')
    if None in size:
        return None
    for field, value in zip(('width', 'height'), size):
        if not is_number(value) or value <= 0:
            findings.error('size', f'{place}.{field}', show(value),
                           allowed='a positive number of pixels')
            return None
    return size


def _read_names(path: str, key: str, folder: str, findings: Findings,
                roots: Sequence[str],
                exist: bool) -> List[Tuple[str, str]]:
    """Read where each name of a text list stands, and the name."""
    found, guessed = read_lines(path, key, findings)
    names, lost = [], []
    remote = '://' in folder
    for number, line in found:
        where = f"{key} '{path}', line {number}"
        name = name_on_disk(line, folder)
        location = osp.join(folder, name)
        if not check_name(name, location, roots, where, findings):
            continue
        there = remote or osp.exists(location)
        if not there and line.startswith('#'):
            continue  # a comment
        if there or not exist:
            names.append((where, name))
        if not there:
            lost.append((where, location))
    if lost and (exist or guessed):
        where, missing = lost[0]
        more = (f' ({len(lost)} of {len(found)} are '
                'missing)') if len(lost) > 1 else ''
        advice = (f"'{path}' is no UTF-8 and was read as Latin-1; save it as "
                  'UTF-8') if guessed else ''
        findings.error(
            'no image',
            where,
            f"names '{missing}', which {say_missing(missing)}{more}",
            advice=advice)
    elif guessed:
        findings.warn(
            'encoding',
            f"{key} '{path}'",
            'is no UTF-8 and was read as Latin-1, by which all names exist',
            advice='Save it as UTF-8')
    return names


def scan_images(folder: str, findings: Findings) -> List[str]:
    """List the images in a folder and the folders in it, sorted.

    Links are followed, each folder is read once.

    Args:
        folder (str): The folder.
        findings (Findings): Learns if there is none.

    Returns:
        list[str]: Paths relative to the folder.
    """
    if not osp.isdir(folder):
        findings.error('folder', "data_prefix['img']",
                       f"is '{folder}', and there is no such folder",
                       advice='It is searched for images, as no ann_file is '
                       'given')
    found, seen = [], set()
    for root, folders, names in os.walk(folder, followlinks=True):
        status = os.stat(root)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        # what really lies here comes before links to elsewhere
        folders.sort(key=lambda one: (osp.islink(osp.join(root, one)), one))
        found.extend(
            osp.relpath(osp.join(root, name), folder) for name in names
            if name.lower().endswith(IMAGES) and not name.startswith('.'))
    return sorted(found)


def find_size(image: Image, findings: Findings) -> Tuple[int, int]:
    """Get width and height of an image that is listed, from its header.

    Args:
        image (Image): The image.
        findings (Findings): Learns if it cannot be read.

    Returns:
        tuple[int, int]: Width and height in pixels, as it is decoded; zeros
        if it cannot be read.
    """
    try:
        return image_size(image.path)
    except FileNotFoundError:
        fault = say_missing(image.path)
    except Exception as error:  # PIL raises many kinds on broken headers
        fault = f'cannot be read as an image: {error}'
    findings.error('image', image.where or 'the list of images',
                   f"names '{image.path}', which {fault}")
    return 0, 0
