# Copyright (c) semipose_mm authors.
"""Indices of boxes kept on the disk, found by the content they came from."""
import hashlib
import json
import logging
import os
import os.path as osp
from typing import Any, Dict, Iterable, List, Optional, Tuple

import numpy as np
from mmengine.logging import print_log

from ..files import file_digest, whole_files
from ..version import __version__
from .box_index import BoxIndex, Reading

#: Where indices are kept; 'off' keeps none.
VARIABLE = 'SEMIPOSE_INDEX_CACHE'
# Changes with what the arrays mean, and with what is read from a source.
FORMAT = 1
ENDING = '.npz'
MAX_BYTES = 2 << 30
# What is read in no time leaves nothing on the disk.
MIN_BYTES = 1 << 20
MIN_IMAGES = 1000


def cache_folder() -> Optional[str]:
    """Where indices are kept.

    Returns:
        str, optional: The folder, which need not exist. None if the cache is
        turned off.
    """
    folder = os.environ.get(VARIABLE)
    if folder == 'off':
        return None
    if folder:
        return osp.expanduser(folder)
    home = os.environ.get('XDG_CACHE_HOME') or osp.expanduser('~/.cache')
    return osp.join(home, 'semipose_mm', 'index')


def files_key(files: Iterable[str], options: dict) -> Optional[str]:
    """Name the content of files, read with some options.

    Args:
        files (Iterable[str]): The files.
        options (dict): All that decides what is made of them.

    Returns:
        str, optional: The name. None if nothing is kept of them: they are
        small, remote, or cannot be read.
    """
    files = list(files)
    try:
        if sum(map(osp.getsize, files)) < MIN_BYTES:
            return None
        return _key([file_digest(path) for path in files], options)
    except OSError:
        return None


def images_key(paths: List[str], options: dict) -> Optional[str]:
    """Name images by path, size and time, which is fast for many.

    Args:
        paths (list[str]): The images.
        options (dict): All that decides what is made of them.

    Returns:
        str, optional: The name. None if nothing is kept of them: they are
        few, remote, or not there.
    """
    if len(paths) < MIN_IMAGES:
        return None
    digest = hashlib.sha256()
    try:
        for path in paths:
            status = os.stat(path)
            digest.update(
                repr((path, status.st_size, status.st_mtime_ns)).encode())
    except (OSError, ValueError):
        return None
    return _key([digest.hexdigest()], options)


def load(key: str) -> Optional[Reading]:
    """Load what was read.

    Args:
        key (str): Its name.

    Returns:
        Reading, optional: What was read. None if it is not kept, or damaged.
    """
    path = _path(key)
    if path is None or not osp.exists(path):
        return None
    try:
        # not mapped: a file that is removed elsewhere would end the run
        with np.load(path) as file:
            arrays = dict(file)
        left_out = json.loads(arrays.pop('left_out').tobytes())
        reading = Reading(BoxIndex.from_arrays(arrays), left_out)
    except Exception as error:  # numpy and zipfile raise many kinds
        _warn(f"'{path}' cannot be used and is made anew: {error!r}")
        return None
    try:
        os.utime(path)
    except OSError:
        pass  # only the order of removal
    return reading


def save(key: str, reading: Reading) -> None:
    """Keep what was read; a folder that cannot be written costs a warning.

    Args:
        key (str): Its name.
        reading (Reading): What was read.
    """
    path = _path(key)
    if path is None:
        return
    left_out = np.frombuffer(json.dumps(reading.left_out).encode(), np.uint8)
    try:
        with whole_files(path) as (part, ):
            with open(part, 'wb') as file:
                np.savez(file, left_out=left_out, **reading.index.to_arrays())
        _remove_oldest(osp.dirname(path), path)
    except OSError as error:
        _warn(f"nothing is kept in '{osp.dirname(path)}', so the next run "
              f'reads the boxes again: {error}')


def _path(key: str) -> Optional[str]:
    """Path of what is kept by a name."""
    folder = cache_folder()
    return folder and osp.join(folder, key + ENDING)


def _key(contents: List[str], options: Dict[str, Any]) -> str:
    """Hash all that decides what is read."""
    parts = [FORMAT, __version__, contents, options]
    text = json.dumps(parts, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def _remove_oldest(folder: str, newest: str) -> None:
    """Remove what was not used for the longest time, beyond the limit."""
    found: List[Tuple[float, int, str]] = []
    for name in os.listdir(folder):
        path = osp.join(folder, name)
        if name.endswith(ENDING) and path != newest:
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue  # another process was faster
            found.append((status.st_mtime, status.st_size, path))
    size = osp.getsize(newest)
    for _, part, path in sorted(found, reverse=True):
        size += part
        if size > MAX_BYTES:
            try:
                os.remove(path)
            except FileNotFoundError:
                pass


def _warn(text: str) -> None:
    print_log(f'{VARIABLE}: {text}', logger='current', level=logging.WARNING)
