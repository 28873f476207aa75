# Copyright (c) semipose_mm authors.
"""The frames of a video and the images of a folder, one after the other."""
import queue
import threading
from typing import Iterable, Iterator, NamedTuple, Optional, Tuple, TypeVar

import numpy as np

from semipose_mm.data_files import WARNING, Findings
from semipose_mm.data_files.images import image_size, read_whole
from semipose_mm.videos.reading import read_frames, video_info
from .media import Media

T = TypeVar('T')


class Frame(NamedTuple):
    """A frame of a video, or an image.

    Attributes:
        index (int): Its position, from 0.
        size (tuple[int, int]): Width and height in pixels as it is shown,
            zeros if it cannot be read.
        image (np.ndarray, optional): BGR (H, W, 3), uint8, of a video.
        path (str): The file of an image, empty for a video.
        reason (str): Why it cannot be read; empty if it can.
    """
    index: int
    size: Tuple[int, int]
    image: Optional[np.ndarray] = None
    path: str = ''
    reason: str = ''


class VideoFrames:
    """The frames of a video, turned as its metadata say.

    Args:
        path (str): The file.

    Attributes:
        total (int): Number of frames that the header tells, 0 if it does
            not; fewer may be readable.
        fps (float): Frames a second, 0 if the header does not tell.

    Raises:
        DataError: If it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        info = video_info(path)
        self.total, self.fps = info.frames, info.rate
        self._findings = Findings()

    @property
    def warning(self) -> str:
        """str: After reading: what is wrong with the video's end."""
        return ' '.join(self._findings.lines(WARNING))

    def read(self, start: int = 0) -> Iterator[Frame]:
        """Decode the frames.

        Args:
            start (int): The first one. Those before are decoded, too, as
                jumping to a frame is not exact in every format. Defaults to
                0.

        Yields:
            Frame: In the order of the video.

        Raises:
            DataError: If there is none at all.
        """
        frames = read_frames(self.path, self._findings,
                             lambda number: number >= start)
        for index, image in frames:
            yield Frame(index, image.shape[1::-1], image)


class ImageFrames:
    """Images of a list; they are decoded by whoever needs them.

    Args:
        media (Media): The images.

    Attributes:
        total (int): Their number.
        warning (str): Always empty.
    """

    def __init__(self, media: Media) -> None:
        self.images = media.images
        self.total = len(self.images)
        self.warning = ''

    def read(self, start: int = 0) -> Iterator[Frame]:
        """Look at the images.

        Args:
            start (int): The first one. Defaults to 0.

        Yields:
            Frame: In order; one that cannot be read has a reason.
        """
        for index in range(start, self.total):
            path = self.images[index]
            try:
                read_whole(path)
                yield Frame(index, image_size(path), path=path)
            except Exception as error:  # PIL raises many kinds
                yield Frame(index, (0, 0), path=path, reason=told(error))


def told(error: Exception) -> str:
    """What an error says, in one line."""
    return ' '.join(f'{type(error).__name__}: {error}'.split())[:300]


def open_frames(media: Media):
    """The frames of a video or of images, see the classes."""
    return VideoFrames(media.path) if media.is_video else ImageFrames(media)


def read_ahead(items: Iterable[T], depth: int) -> Iterator[T]:
    """Let a thread make items while the caller works on earlier ones.

    Args:
        items (Iterable): They are made in the thread.
        depth (int): So many of them wait at most.

    Yields:
        Any: The items in order. An error of the thread is raised here.
    """
    waiting = queue.Queue(depth)
    stop, end = threading.Event(), object()

    def put(item) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                pass
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((end, None))
        except BaseException as error:
            put((end, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is end:
                return
            yield item
    finally:
        stop.set()
        thread.join()
