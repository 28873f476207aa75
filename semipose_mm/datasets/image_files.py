# Copyright (c) semipose_mm authors.
"""Plain images as instances: a list or a folder, the whole image as box."""
import os
import os.path as osp
from typing import List, Tuple

from mmengine.fileio import exists, get_text
from PIL import Image

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')

# Exif orientations that exchange width and height when they are applied.
TRANSPOSED = (5, 6, 7, 8)
EXIF_ORIENTATION = 0x0112


def image_size(path: str, where: str) -> Tuple[int, int]:
    """Get width and height of an image from its header, as it is decoded.

    Args:
        path (str): Path of the image.
        where (str): Where the path stands, for the error messages.

    Returns:
        tuple[int, int]: Width and height, with the exif orientation applied.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            orientation = image.getexif().get(EXIF_ORIENTATION)
    except FileNotFoundError:
        raise FileNotFoundError(f"{where}: there is no image '{path}'")
    except Exception as error:  # PIL raises many kinds on broken headers
        raise ValueError(f"{where}: '{path}' cannot be read as an image: "
                         f'{error}') from error
    return (height, width) if orientation in TRANSPOSED else (width, height)


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


def read_whole_images(ann_file: str, folder: str) -> List[dict]:
    """Read an image list or a folder, with the whole image as box.

    Args:
        ann_file (str): A text file with a path a line, relative to
            ``folder``. Empty for all images in ``folder``.
        folder (str): The folder of the images.

    Returns:
        list[dict]: The records.
    """
    if ann_file:
        if not exists(ann_file):
            raise FileNotFoundError(f"ann_file: there is no file '{ann_file}'")
        lines = enumerate(get_text(ann_file).splitlines(), start=1)
        named = [(f"ann_file: '{ann_file}', line {number}", line.strip())
                 for number, line in lines if line.strip()]
    else:
        named = [("data_prefix['img']", name) for name in scan_images(folder)]
    records = []
    for index, (where, name) in enumerate(named):
        path = osp.join(folder, name)
        width, height = image_size(path, where)
        records.append(
            dict(
                img_path=path,
                img_id=index,
                id=index,
                bbox=(0., 0., float(width), float(height)),
                bbox_score=1.))
    return records
