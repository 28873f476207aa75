# Copyright (c) semipose_mm authors.
"""Files that are written whole or not at all."""
import os
import os.path as osp
from contextlib import contextmanager
from typing import Iterator, List


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
        for part, path in zip(temporary, paths):
            os.replace(part, path)
    finally:
        for part in temporary:
            if osp.exists(part):
                os.remove(part)
