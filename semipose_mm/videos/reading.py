# Copyright (c) semipose_mm authors.
"""The one reading of videos: frames in order, upright, up to where they end.

Frames are read one after the other, as a jump within H.264 decodes all from
the key frame before it (docs/video.md has the times).
"""
import math
import os.path as osp
from contextlib import contextmanager
from typing import Callable, Iterator, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from ..data_files import DataError, Findings

#: Frames a second that no camera has.
MOST_RATE = 1e4


class VideoInfo(NamedTuple):
    """What the header of a video says.

    Args:
        width (int): Width of a frame in pixels, as it is shown upright.
        height (int): Height of a frame in pixels, as it is shown upright.
        rate (float): Frames a second; 0 if it is unknown.
        frames (int): Number of frames; 0 if it is unknown. Some formats
            estimate it, and a broken recording has fewer.
    """

    width: int
    height: int
    rate: float
    frames: int


def video_info(path: str) -> VideoInfo:
    """Read the header of a video.

    Args:
        path (str): The file.

    Returns:
        VideoInfo: What it says.

    Raises:
        DataError: If the file is none that OpenCV can open.
    """
    with _opened(path) as video:
        return _info(video)


def read_frames(
    path: str,
    findings: Optional[Findings] = None,
    wanted: Callable[[int], bool] = lambda number: True
) -> Iterator[Tuple[int, np.ndarray]]:
    """Read the frames of a video in order.

    Frames whose rotation the file tells, as those of phones, are turned
    upright. A recording that breaks off gives the frames before.

    Args:
        path (str): The file.
        findings (Findings, optional): Learns if frames are missing. Defaults
            to None, for nobody.
        wanted (Callable): Tells of a number whether the frame is given; the
            others are decoded, too, but not converted. Defaults to all.

    Yields:
        tuple[int, np.ndarray]: Number of the frame, counted from 0 as they
        are decoded, and the frame, BGR (H, W, 3), uint8.

    Raises:
        DataError: If the file is none that OpenCV can open, or has no frame.
    """
    number = 0
    with _opened(path) as video:
        expected = _info(video).frames
        while video.grab():
            if wanted(number):
                there, frame = video.retrieve()
                if not there:
                    break
                yield number, frame
            number += 1
    if not number:
        raise DataError(f"video '{path}' has no frame that can be decoded")
    # where the header has no count of its own, it is that of the duration
    if findings is not None and number + 1 < expected:
        findings.warn(
            'broken video', f"video '{path}'",
            f'ends before frame {number:,}, but its header names {expected:,} '
            'frames: the rest is broken or missing and left out')


def has_frame(path: str, number: int) -> bool:
    """Whether a video has a frame, by a jump to it.

    Args:
        path (str): The file.
        number (int): Number of the frame, from 0.

    Raises:
        DataError: If the file is none that OpenCV can open.
    """
    with _opened(path) as video:
        return number >= 0 and video.set(cv2.CAP_PROP_POS_FRAMES,
                                         number) and video.grab()


@contextmanager
def _opened(path: str) -> Iterator[cv2.VideoCapture]:
    """Open a video, and close it."""
    if not osp.isfile(path):
        found = 'is a folder' if osp.isdir(path) else 'does not exist'
        raise DataError(f"video '{path}' {found}")
    # by default a file that FFmpeg refuses is tried as numbered images
    ours = cv2.CAP_FFMPEG in cv2.videoio_registry.getBackends()
    video = cv2.VideoCapture(path, cv2.CAP_FFMPEG if ours else cv2.CAP_ANY)
    try:
        if not video.isOpened():
            raise DataError(
                f"video '{path}' cannot be opened by OpenCV: it is no video, "
                'of a codec that OpenCV lacks, or a recording that was cut '
                'off before its index was written')
        video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        yield video
    finally:
        video.release()


def _info(video: cv2.VideoCapture) -> VideoInfo:
    """The header of an open video."""

    def number(key: int) -> float:
        value = video.get(key)
        return value if math.isfinite(value) and value > 0 else 0.

    rate = number(cv2.CAP_PROP_FPS)
    return VideoInfo(
        int(number(cv2.CAP_PROP_FRAME_WIDTH)),
        int(number(cv2.CAP_PROP_FRAME_HEIGHT)),
        # some headers name the ticks of their clock
        rate if rate < MOST_RATE else 0.,
        int(number(cv2.CAP_PROP_FRAME_COUNT)))
