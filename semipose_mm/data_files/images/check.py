# Copyright (c) semipose_mm authors.
"""Image files judged by header and tail, before anything is decoded."""
import os
import stat
from io import BytesIO
from typing import Any, BinaryIO, Callable, Optional, Tuple

import cv2
import numpy as np
from mmengine.fileio import get
from PIL import Image, UnidentifiedImageError

from .names import say_missing

# Exif orientations that exchange width and height when they are applied.
TRANSPOSED = (5, 6, 7, 8)
EXIF_ORIENTATION = 0x0112

# What a whole file of the format has near its end, and how near.
ENDS = dict(JPEG=b'\xff\xd9', MPO=b'\xff\xd9', PNG=b'IEND')
TAIL = 4096

# Larger files are judged before they are read.
LARGE = 1 << 26


class ImageFault(ValueError):
    """An image that cannot be used.

    Args:
        path (str): The file.
        reason (str): What is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """The file and what is wrong with it."""
        return f"'{self.path}' {self.reason}"


def read_whole(path: str) -> None:
    """Read an image to its end, which OpenCV does not always insist on.

    Args:
        path (str): The file.

    Raises:
        Exception: Of several kinds, if it is damaged.
    """
    with Image.open(path) as image:
        # a JPEG is decoded in an eighth of its size, which is fast
        image.draft('RGB', (1, 1))
        image.load()


def image_size(path: str) -> Tuple[int, int]:
    """Get width and height of an image as OpenCV decodes it.

    Args:
        path (str): The file, local or remote.

    Returns:
        tuple[int, int]: Width and height in pixels, with the exif
        orientation applied where it counts.

    Raises:
        Exception: Of several kinds, if the header cannot be read.
    """
    file: Any = path
    if '://' in path:
        file = BytesIO(get(path))
    else:
        fault = _check_status(os.stat(path))
        if fault is not None:
            raise ValueError(fault)  # a pipe would be waited for
    with Image.open(file) as image:
        (width, height), kind = image.size, image.format
        orientation = image.getexif().get(EXIF_ORIENTATION)
    if orientation not in TRANSPOSED:
        return width, height
    if kind in ('JPEG', 'MPO'):
        return height, width
    # which other formats are turned depends on OpenCV's version
    decoded = cv2.imdecode(
        np.frombuffer(get(path), np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError('OpenCV cannot decode it')
    return decoded.shape[1], decoded.shape[0]


def size_fault(size: Tuple[float, float],
               listed: Tuple[float, float]) -> Optional[str]:
    """Find out whether an image has another size than a file says.

    Args:
        size (tuple[float, float]): Width and height as it is decoded.
        listed (tuple[float, float]): Width and height in the file.

    Returns:
        str, optional: What is wrong, to be read after the name of the image.
        None if nothing is.
    """
    (width, height), (w, h) = size, listed
    # a listed size may be a fraction of a pixel off
    if abs(width - w) < 1 and abs(height - h) < 1:
        return None
    turned = abs(width - h) < 1 and abs(height - w) < 1
    hint = (': they are exchanged, or are those before its EXIF orientation '
            'turns it; sizes and labels are those of the image as it is shown'
            if turned else '; labels and boxes are of another version of it')
    return (f'is {width:g} x {height:g} pixels, but its annotation file says '
            f'{w:g} x {h:g}{hint}')


def image_fault(path: str) -> Optional[str]:
    """Find what is wrong with an image file, without decoding it.

    The header tells the format and size, the tail whether the file is cut
    off. Damage in between is left to the decoder.

    Args:
        path (str): A local file.

    Returns:
        str, optional: What is wrong, to be read after the name of the file.
        None if nothing is.
    """
    return _reason(_check_file, path)


def read_image(path: str) -> bytes:
    """Read an image file, and judge it as :func:`image_fault` does.

    Args:
        path (str): A local file.

    Returns:
        bytes: Its content.

    Raises:
        ImageFault: If the image cannot be used.
    """
    contents = []

    def check(path: str) -> Optional[str]:
        status = os.stat(path)
        fault = _check_status(status)
        large = status.st_size > LARGE
        if fault is None and large:
            fault = _check_file(path)
        if fault is None:
            with open(path, 'rb') as file:
                contents.append(file.read())
            if not large:
                fault = _check_content(
                    BytesIO(contents[0]), len(contents[0]), path)
        return fault

    fault = _reason(check, path)
    if fault is not None:
        raise ImageFault(path, fault)
    return contents[0]


def _check_status(status: os.stat_result) -> Optional[str]:
    """Judge what the file system says of a file."""
    if stat.S_ISDIR(status.st_mode):
        return 'is a folder'
    if not stat.S_ISREG(status.st_mode):
        return 'is no regular file'
    return None if status.st_size else 'is empty'


def _check_file(path: str) -> Optional[str]:
    """Judge a file; raises what opening it raises."""
    status = os.stat(path)
    fault = _check_status(status)
    if fault is not None:
        return fault
    with open(path, 'rb') as file:
        return _check_content(file, status.st_size, path)


def _check_content(file: BinaryIO, size: int, path: str) -> Optional[str]:
    """Judge the content of a file."""
    with Image.open(file) as image:
        mode, end = image.mode, ENDS.get(image.format)
        if mode == 'F':
            return ('has floating point pixels; it must have 8 or 16 bit '
                    'integers')
        if end is None:
            return None
        file.seek(max(size - TAIL, 0))
        # something may be appended: the whole file has the last word
        return None if end in file.read() else _reason(read_whole, path)


def _reason(check: Callable[[str], Optional[str]], path: str) -> Optional[str]:
    """What a check of a file says or raises, in a line."""
    try:
        return check(path)
    except FileNotFoundError:
        return say_missing(path)
    except UnidentifiedImageError:
        return 'is no image of a known format'
    except Image.DecompressionBombError as error:
        return f'is too large: {error}'
    except Exception as error:  # PIL raises many kinds on damaged files
        text = getattr(error, 'strerror', None) or str(error)
        return f'cannot be read: {" ".join(text.split())}'
