# Copyright (c) semipose_mm authors.
"""``frames.json``: which frames of which videos a folder holds."""
import json
import os
import os.path as osp
from dataclasses import asdict, dataclass, fields
from typing import List, Optional

from ..data_files import DataError
from ..data_files.text import free_name
from ..files import write_json
from ..version import __version__

NAME = 'frames.json'


@dataclass
class VideoFrames:
    """The frames that were chosen of a video.

    Args:
        video (str): Absolute path of the video.
        size (int): Its size in bytes.
        mtime (int): When it was changed, in seconds since 1970.
        folder (str): The folder of its frames, in that of the manifest.
        rule (str): How they were chosen, a key of ``RULES``.
        num (int): How many were asked for.
        image (str): Format of the images, ``'jpg'`` or ``'png'``.
        width (int): Width of a frame in pixels.
        height (int): Height of a frame in pixels.
        rate (float): Frames a second; 0 if it is unknown.
        total (int): Number of frames of the video.
        near (int): How many near-duplicates were left out.
        frames (list[int]): Numbers of the frames, from 0, ascending.
    """

    video: str
    size: int
    mtime: int
    folder: str
    rule: str
    num: int
    image: str
    width: int
    height: int
    rate: float
    total: int
    near: int
    frames: List[int]

    def name(self, number: int) -> str:
        """Path of a frame below the folder of the manifest."""
        return f'{self.folder}/{number:06d}.{self.image}'

    @property
    def names(self) -> List[str]:
        """List[str]: Paths of all frames below the folder of the manifest."""
        return [self.name(number) for number in self.frames]


class Manifest:
    """The manifest of a folder.

    Args:
        folder (str): The folder; it need not exist.

    Attributes:
        videos (list[VideoFrames]): What it holds.

    Raises:
        DataError: If there is a file of that name that is no manifest.
    """

    def __init__(self, folder: str) -> None:
        self.path = osp.join(folder, NAME)
        self.videos: List[VideoFrames] = []
        if not osp.exists(self.path):
            return
        try:
            with open(self.path, encoding='utf-8') as file:
                entries = json.load(file)['videos']
            self.videos = [VideoFrames(**one) for one in entries]
        except (ValueError, KeyError, TypeError) as error:
            names = ', '.join(one.name for one in fields(VideoFrames))
            raise DataError(
                f"'{self.path}' cannot be read as the manifest of semipose "
                f"frames, a dict of 'videos' with {names}: {error!r}. Choose "
                'another folder') from error

    def save(self) -> None:
        """Write it, whole or not at all."""
        videos = [asdict(one) for one in self.videos]
        write_json(self.path, dict(version=__version__, videos=videos))

    def find(self, path: str, rule: str, num: int,
             image: str) -> Optional[VideoFrames]:
        """Find what was chosen of a video before.

        Args:
            path (str): The video, wherever it lies now.
            rule (str): How frames are chosen now.
            num (int): How many.
            image (str): The format of the images.

        Returns:
            VideoFrames, optional: None for a video that is new here.

        Raises:
            DataError: If the video has changed, or its frames were chosen in
                another way.
        """
        path, status = osp.abspath(path), os.stat(path)
        mark = status.st_size, int(status.st_mtime)
        own = [one for one in self.videos if one.video == path]
        own += [
            one for one in self.videos
            if (osp.basename(one.video), one.size,
                one.mtime) == (osp.basename(path), *mark)
        ]
        known = next(iter(own), None)
        if known is None:
            return None
        advice = (f"choose another folder, or remove '{known.folder}' and "
                  'its entry there')
        if (known.size, known.mtime) != mark:
            raise DataError(f"'{self.path}' has frames of {path} as it was "
                            f'before it changed: {advice}')
        had = f'{known.num} by {known.rule} as {known.image}'
        if (asked := f'{num} by {rule} as {image}') != had:
            raise DataError(f"'{self.path}' has frames of {path}, {had}, but "
                            f'{asked} are asked for: {advice}')
        return known

    def new_folder(self, path: str) -> str:
        """A name for the frames of a video that no other video has.

        Args:
            path (str): The video.
        """
        stem = osp.splitext(osp.basename(path))[0]
        return free_name(stem, {one.folder for one in self.videos})
