# Copyright (c) semipose_mm authors.
"""Plain images as instances: a list or a folder, the whole image as box."""
import os
import os.path as osp
from typing import List, Sequence, Tuple

import numpy as np
from mmengine.fileio import exists, get_text

from .box_index import BoxIndex, Reading
from .image_check import image_fault, image_size
from .image_paths import check_name

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


def listed_size(path: str, where: str) -> Tuple[int, int]:
    """Get width and height of an image that something names.

    Args:
        path (str): Path of the image.
        where (str): Where the path stands, for the error messages.

    Returns:
        tuple[int, int]: Width and height, as it is decoded.
    """
    try:
        return image_size(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{where}: there is no image '{path}'")
    except Exception as error:  # PIL raises many kinds on broken headers
        raise ValueError(f"{where}: '{path}' cannot be read as an image: "
                         f'{error}') from error


def scan_images(folder: str) -> List[str]:
    """List the images in a folder and the folders in it, sorted.

    Args:
        folder (str): The folder.

    Returns:
        list[str]: Paths relative to the folder.
    """
    if not osp.isdir(folder):
        raise FileNotFoundError(
            f"data_prefix['img']: there is no folder '{folder}' (it is "
            'searched for images, since no ann_file is given)')
    found = []
    for root, _, names in os.walk(folder, followlinks=True):
        found.extend(
            osp.relpath(osp.join(root, name), folder) for name in names if
            name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith('.'))
    return sorted(found)


def read_whole_images(
        ann_file: str,
        folder: str,
        roots: Sequence[str] = (),
) -> Reading:
    """Read an image list or a folder, with the whole image as box.

    Args:
        ann_file (str): A text file with a path a line, relative to
            ``folder``. Empty for all images in ``folder``.
        folder (str): The folder of the images.
        roots (Sequence[str]): The folders that the lines must lead to.
            Defaults to (), which is any.

    Returns:
        Reading: The images, and what is wrong with those in the folder that
        cannot be read.
    """
    paths, ids, sizes, faults = [], [], [], []
    for index, (where, name) in enumerate(name_images(ann_file, folder)):
        path = osp.join(folder, name)
        if ann_file:
            check_name(name, path, roots, where)
        else:
            fault = image_fault(path)
            if fault is not None:
                faults.append(f"'{path}' {fault}")
                continue
        sizes.append(listed_size(path, where))
        paths.append(path)
        ids.append(index)
    boxes = np.zeros((len(paths), 4))
    boxes[:, 2:] = np.reshape(sizes, (-1, 2))
    index = BoxIndex.build(paths, ids, np.arange(len(paths)), ids, boxes,
                           np.ones(len(paths)))
    return Reading(index, {'that cannot be read': len(faults)}, faults)


def name_images(ann_file: str, folder: str) -> List[Tuple[str, str]]:
    """Name the images of a list or a folder.

    Args:
        ann_file (str): A text file with a path a line, or empty.
        folder (str): The folder of the images.

    Returns:
        list[tuple[str, str]]: Where each name stands, and the name.
    """
    if ann_file:
        return _read_lines(ann_file)
    return [("data_prefix['img']", name) for name in scan_images(folder)]


def _read_lines(ann_file: str) -> List[Tuple[str, str]]:
    """Read where a name of a text file stands, and the name."""
    if not exists(ann_file):
        raise FileNotFoundError(f"ann_file: there is no file '{ann_file}'")
    try:
        text = get_text(ann_file, encoding='utf-8-sig')
    except (ValueError, OSError) as error:
        raise ValueError(f"ann_file: '{ann_file}' cannot be read as text: "
                         f'{error}') from error
    if '\0' in text:
        raise ValueError(f"ann_file: '{ann_file}' cannot be read as text: it "
                         'holds null bytes')
    lines = enumerate(text.splitlines(), start=1)
    return [(f"ann_file: '{ann_file}', line {number}", line.strip())
            for number, line in lines if line.strip()]
