# Copyright (c) semipose_mm authors.
"""Files that are written whole or not at all, and what they hold."""
import hashlib
import os
import os.path as osp
import re
from contextlib import contextmanager
from typing import Iterator, List

_TEMPORARY = re.compile(r'\.\d+\.')


def file_digest(path: str) -> str:
    """SHA-256 of a file, hexadecimal.

    Args:
        path (str): The file.
    """
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def whole_files(*paths: str) -> Iterator[List[str]]:
    """Write files that appear together, once all are complete.

    Args:
        *paths (str): The files; their folders are made.

    Yields:
        list[str]: A temporary path beside each file, with its ending. What
        is written there replaces the files when the block ends well; else
        it is removed, and the files are as they were.

    Raises:
        OSError: If a folder cannot be made or a file not replaced.
    """
    temporary = []
    try:
        for path in paths:
            folder, name = osp.split(osp.abspath(path))
            os.makedirs(folder, exist_ok=True)
            temporary.append(osp.join(folder, f'.{os.getpid()}.{name}'))
        yield temporary
        for part in temporary:
            _flush(part)
        for part, path in zip(temporary, paths):
            os.replace(part, path)
    finally:
        for part in temporary:
            if osp.exists(part):
                os.remove(part)


def _flush(path: str) -> None:
    """Wait until a file is on the disk: a name must not come before it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(folder: str, ending: str) -> List[str]:
    """Remove what processes that were killed have left of whole files.

    Args:
        folder (str): The folder; it need not exist.
        ending (str): The ending of the files, such as ``'.pth'``.

    Returns:
        list[str]: Names of the files that were removed.
    """
    if not osp.isdir(folder):
        return []
    found = [
        name for name in sorted(os.listdir(folder))
        if _TEMPORARY.match(name) and name.endswith(ending)
    ]
    for name in found:
        os.remove(osp.join(folder, name))
    return found
