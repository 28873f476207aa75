# Copyright (c) semipose_mm authors.
"""What is to be predicted: videos, folders of images, images."""
import hashlib
import os
import os.path as osp
from typing import List, NamedTuple, Sequence

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.images import say_missing, scan_images
from semipose_mm.data_files.text import (IMAGES, VIDEOS, natural_key,
                                         video_names)

#: Bytes at both ends of a video by which it is known again.
ENDS = 1 << 20


class Media(NamedTuple):
    """A video, or images in an order.

    Attributes:
        path (str): The video or folder as it was named, empty for images
            that were named one by one.
        name (str): What the files of its predictions begin with.
        images (list[str]): Paths of the images; empty for a video.
    """
    path: str
    name: str
    images: List[str]

    @property
    def is_video(self) -> bool:
        """bool: Whether this is a video."""
        return not self.images

    def digest(self) -> str:
        """SHA-256 that tells it from others.

        Of a video it is that of its size and both ends, of images that of
        their names and sizes: reading all would take long.
        """
        digest = hashlib.sha256()
        for path in self.images or [self.path]:
            # a video may move, while the rows of images name their paths
            name = path if self.images else ''
            digest.update(f'{name!r} {osp.getsize(path)}\n'.encode(
                'utf-8', 'surrogateescape'))
        if self.is_video:
            with open(self.path, 'rb') as file:
                digest.update(file.read(ENDS))
                file.seek(-min(ENDS, osp.getsize(self.path)), os.SEEK_END)
                digest.update(file.read(ENDS))
        return digest.hexdigest()


def find_media(paths: Sequence[str]) -> List[Media]:
    """Find what the command line names.

    Args:
        paths (Sequence[str]): Videos, folders and images. A folder is its
            images in natural order, with those of the folders in it, or, if
            there are none, the videos that lie in it.

    Returns:
        list[Media]: One for each video and each folder of images, and one
        for all images that are named one by one.

    Raises:
        DataError: If one is none of these, or two have the same name.
    """
    found, images = [], []
    for path in paths:
        ending = osp.splitext(path)[1].lower()
        if osp.isdir(path):
            found += _of_folder(path)
        elif not osp.isfile(path):
            raise DataError(f'{path} {say_missing(path)}')
        elif ending in VIDEOS:
            found.append(Media(path, _stem(path), []))
        elif ending in IMAGES:
            images.append(path)
        else:
            raise DataError(f'{path} is no video ({" ".join(VIDEOS)}), no '
                            f'image ({" ".join(IMAGES)}) and no folder')
    if images:
        found.append(Media('', 'images', images))
    names = {}
    for one in found:
        other = names.setdefault(one.name, one)
        if other is not one:
            raise DataError(
                f'{other.path or "the images"} and {one.path or "the images"}'
                f' would both be predicted into {one.name}_*.csv: predict '
                'them one by one, with another --out')
    return found


def _stem(path: str) -> str:
    """The name of a file without its ending."""
    return osp.splitext(osp.basename(path))[0]


def _of_folder(path: str) -> List[Media]:
    """The images of a folder, or the videos in it."""
    names = sorted(scan_images(path, Findings()), key=natural_key)
    videos = sorted(video_names(path), key=natural_key)
    if names and videos:
        raise DataError(
            f'folder {path} holds {len(names)} images and {len(videos)} '
            f'videos such as {videos[0]}: name the videos, or a folder of '
            'images alone')
    if videos:
        return [
            Media(osp.join(path, name), _stem(name), []) for name in videos
        ]
    if not names:
        raise DataError(f'folder {path} holds no image '
                        f'({" ".join(IMAGES)}) and no video')
    return [
        Media(path, osp.basename(osp.abspath(path)),
              [osp.join(path, name) for name in names])
    ]
