# Copyright (c) semipose_mm authors.
"""Decoded images in memory that all workers of a process share."""
import mmap
import multiprocessing
from typing import Dict, NamedTuple, Optional, Tuple

import numpy as np

CHANNELS = 3


class Place(NamedTuple):
    """Where an image lies in the memory.

    Args:
        number (int): Number of its flag.
        start (int): Offset of its pixels.
        shape (tuple[int, int, int]): Height, width, channels.
    """

    number: int
    start: int
    shape: Tuple[int, int, int]


class ImageCache:
    """Images decoded once, by whichever worker meets them first.

    The memory is anonymous and comes to workers by ``fork``, which the
    system must have; pages that nobody has written take no room. A pickled
    copy, which workers that are started otherwise get, holds nothing.

    Args:
        sizes (dict[str, tuple[int, int]]): Width and height of each image.
    """

    def __init__(self, sizes: Dict[str, Tuple[int, int]]) -> None:
        self._places: Dict[str, Place] = {}
        end = len(sizes)  # the flags come first
        for number, (path, (width, height)) in enumerate(sizes.items()):
            self._places[path] = Place(number, end, (height, width, CHANNELS))
            end += height * width * CHANNELS
        self.num_bytes = end
        self._memory = self._lock = None
        if end:
            self._memory = mmap.mmap(-1, end)
            # makes pixels visible to other processors before their flag is
            self._lock = multiprocessing.get_context('fork').Lock()

    def __reduce__(self) -> tuple:
        """Pickle none of the memory."""
        return ImageCache, ({}, )

    def __len__(self) -> int:
        """Number of images that may be held."""
        return len(self._places)

    def get(self, path: str) -> Optional[np.ndarray]:
        """Get a copy of an image.

        Args:
            path (str): The file.

        Returns:
            np.ndarray, optional: Its pixels; None if nobody has put it in.
        """
        place = self._places.get(path)
        if place is None:
            return None
        with self._lock:
            filled = self._memory[place.number]
        return self._pixels(place).copy() if filled else None

    def put(self, path: str, image: np.ndarray) -> None:
        """Keep an image, if there is room for it.

        Args:
            path (str): The file.
            image (np.ndarray): Its pixels. They are left out if they are
                not as the header said.
        """
        place = self._places.get(path)
        if (place is None or image.dtype != np.uint8
                or image.shape != place.shape):
            return
        # two workers may write the same pixels at the same time
        self._pixels(place)[:] = image
        with self._lock:
            self._memory[place.number] = 1

    def _pixels(self, place: Place) -> np.ndarray:
        """The pixels of an image, in the shared memory itself."""
        return np.frombuffer(self._memory, np.uint8, int(np.prod(place.shape)),
                             place.start).reshape(place.shape)
