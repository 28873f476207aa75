# Copyright (c) semipose_mm authors.
"""Where the images of a folder of labels lie: their names never change.

A training that began before more images came finds its own as they were.
"""
import os
import os.path as osp
import shutil
import uuid
from contextlib import contextmanager, suppress
from typing import Iterator, List, Sequence

from semipose_mm.data_files import DataError
from semipose_mm.files import file_digest, whole_files
from .source import Frame

#: Folder of the images, in that of the labels.
IMAGES = 'images'


def image_folder(labels: str) -> str:
    """The folder of the images.

    Args:
        labels (str): The folder of labels.
    """
    return osp.join(osp.abspath(labels), IMAGES)


@contextmanager
def placed(frames: Sequence[Frame], folder: str, copy: bool) -> Iterator[None]:
    """Link or copy images to where their videos and names say.

    Args:
        frames (Sequence[Frame]): The images; their paths change.
        folder (str): Of :func:`image_folder`.
        copy (bool): Whether they are copied.

    Yields:
        None: If the block fails, what is new in the folder is removed.

    Raises:
        DataError: If another picture is there, or nothing can be written.
    """
    new: List[str] = []
    try:
        for frame in frames:
            if _place(frame, folder, copy):
                new.append(frame.path)
        yield
    except BaseException:
        for path in new:
            with suppress(OSError):
                os.remove(path)
        raise


def _place(frame: Frame, folder: str, copy: bool) -> bool:
    """Place an image; whether there was none."""
    source = osp.abspath(frame.path)
    frame.path = path = osp.join(folder, *frame.video.split('/'),
                                 osp.basename(source))
    new, link = not osp.lexists(path), osp.islink(path)
    if path == source and not (copy and link):
        return False
    try:
        # names are unique: another link is of an image that is gone
        if osp.isfile(path) and (path == source or not link) and \
                file_digest(path) != frame.digest:
            raise DataError(
                f'{source} has changed since it was imported' if path ==
                source else f'{source} cannot be put into {folder}: {path} '
                'is another picture')
        if new or link:
            _put(osp.realpath(source), path, copy)
    except OSError as error:
        raise DataError(f'{source} cannot be put into {folder}: '
                        f'{error.strerror or error}') from error
    return new


def _put(source: str, path: str, copy: bool) -> None:
    """Link or copy a file; a link that is there is replaced."""
    os.makedirs(osp.dirname(path), exist_ok=True)
    if copy or not _link(source, path):
        with whole_files(path) as (part, ):
            shutil.copyfile(source, part)


def _link(source: str, path: str) -> bool:
    """Link a file, also in the place of a link; whether there are links."""
    part = osp.join(osp.dirname(path), f'.part-{uuid.uuid4().hex}')
    try:
        os.symlink(source, part)
    except OSError:
        return False
    try:
        os.replace(part, path)
    except BaseException:
        os.remove(part)
        raise
    return True
