# Copyright (c) semipose_mm authors.
"""A picture of the frames that were chosen."""
import os.path as osp
from typing import Sequence

import cv2
import numpy as np

from ..analysis.pictures import caption, sheet, write_picture
from .choosing import by_stride
from .manifest import VideoFrames

#: Pictures in a row, and in all.
COLUMNS, MOST = 8, 48
#: Width and height of one in pixels.
SIZE = 200, 170


def write_sheet(path: str, out: str, videos: Sequence[VideoFrames]) -> None:
    """Draw frames of videos, evenly taken from those that are there.

    Args:
        path (str): The picture to write.
        out (str): The folder of images.
        videos (Sequence[VideoFrames]): What it holds of each video.

    Raises:
        OSError: If it cannot be written.
    """
    names = [name for one in videos for name in one.names]
    titles = [f'{sum(len(one.frames) for one in videos):,} frames']
    pictures = [
        _cell(osp.join(out, names[i]), names[i])
        for i in by_stride(len(names), MOST)
    ]
    rows = [pictures[i:i + COLUMNS] for i in range(0, len(pictures), COLUMNS)]
    titles += [''] * (COLUMNS - 1)
    write_picture(path, sheet(rows, titles))


def _cell(path: str, name: str) -> np.ndarray:
    """An image as large as fits, and its name."""
    cell = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    image = cv2.imread(path)
    scale = min(SIZE[0] / image.shape[1], (SIZE[1] - 16) / image.shape[0])
    image = cv2.resize(
        image, [max(1, round(n * scale)) for n in image.shape[1::-1]],
        interpolation=cv2.INTER_AREA)
    cell[:image.shape[0], :image.shape[1]] = image
    caption(cell, name)
    return cell
