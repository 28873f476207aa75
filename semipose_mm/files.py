# Copyright (c) semipose_mm authors.
"""Files that are written whole or not at all, and what they hold."""
import csv
import hashlib
import io
import json
import math
import os
import os.path as osp
import re
import time
import uuid
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterable, Iterator, List, Sequence

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_TEMPORARY = re.compile(r'\.part-[0-9a-f]{32}\.')
# where no lock tells whether a writer lives, in seconds
_ABANDONED = 24 * 3600


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

    Any number of processes may write the same file, on any machine: it is
    then that of one of them.

    Args:
        *paths (str): The files; their folders are made.

    Yields:
        list[str]: A temporary path beside each file, with its ending. What
        is written there replaces the files when the block ends well; else
        it is removed, and the files are as they were.

    Raises:
        OSError: If a folder cannot be made or a file not replaced.
        FileNotFoundError: If nothing was written for one of them.
    """
    temporary, held = [], []
    try:
        for path in paths:
            folder, name = osp.split(osp.abspath(path))
            os.makedirs(folder, exist_ok=True)
            part = osp.join(folder, f'.part-{uuid.uuid4().hex}.{name}')
            # as mkstemp, but with the permissions of any other file
            held.append(
                os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
            temporary.append(part)
            with suppress(OSError):
                _try_lock(held[-1])
            # a time that no writing leaves
            os.utime(part, (0, 0))
        yield temporary
        for part, path in zip(temporary, paths):
            if os.stat(part).st_mtime == 0:
                raise FileNotFoundError(f'nothing was written for {path}')
            _flush(part)
        for part, path in zip(temporary, paths):
            os.replace(part, path)
    finally:
        for descriptor in held:
            os.close(descriptor)
        for part in temporary:
            if osp.exists(part):
                os.remove(part)


def write_all(contents: Dict[str, bytes]) -> None:
    """Write files that appear together, or none of them.

    Args:
        contents (dict[str, bytes]): What each file shall hold, by its path;
            their folders are made.

    Raises:
        OSError: If one cannot be written.
    """
    with whole_files(*contents) as parts:
        for part, content in zip(parts, contents.values()):
            with open(part, 'wb') as file:
                file.write(content)


def write_text(path: str, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Args:
        path (str): The file; its folder is made.
        text (str): What it shall hold.
    """
    write_all({path: text.encode()})


def csv_bytes(rows: Iterable[Sequence[Any]], digits: int = 5) -> bytes:
    """The content of a csv file in UTF-8.

    Args:
        rows (Iterable[Sequence]): Cells; nan and None are empty.
        digits (int): Digits of a float that count. Defaults to 5
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    for row in rows:
        writer.writerow([
            '' if cell is None or cell != cell else
            f'{cell:.{digits}g}' if isinstance(cell, float) else cell
            for cell in row
        ])
    return text.getvalue().encode()


def json_bytes(content: Any) -> bytes:
    """The content of a json file in UTF-8.

    Args:
        content (Any): Dicts, lists, strings, numbers; nan becomes null.
    """
    return (json.dumps(_plain(content), indent=1) + '\n').encode()


def write_json(path: str, content: Any) -> None:
    """Write a json file, whole or not at all.

    Args:
        path (str): The file; its folder is made.
        content (Any): See :func:`json_bytes`.
    """
    write_all({path: json_bytes(content)})


def _plain(value: Any) -> Any:
    """What json can hold, in place of numpy's numbers and nan."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, 'item'):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def _flush(path: str) -> None:
    """Wait until a file is on the disk: a name must not come before it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    """Lock a file until this process ends or closes it.

    Args:
        descriptor (int): Of the open file.

    Returns:
        bool: False if somebody else has locked it.

    Raises:
        OSError: If there are no locks in this file system.
    """
    if fcntl is None:
        raise OSError('no locks')
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_abandoned(path: str) -> bool:
    """Whether the process that wrote a temporary file is no more."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        return _try_lock(descriptor)
    except OSError:
        return time.time() - os.fstat(descriptor).st_ctime > _ABANDONED
    finally:
        os.close(descriptor)


def remove_unfinished(folder: str, ending: str) -> List[str]:
    """Remove what processes that were killed have left of whole files.

    Files that another process is writing stay. It is told by its lock, and
    where there are no locks by a day without a change.

    Args:
        folder (str): The folder; it need not exist.
        ending (str): The ending of the files, such as ``'.pth'``.

    Returns:
        list[str]: Names of the files that were removed.
    """
    if not osp.isdir(folder):
        return []
    removed = []
    for name in sorted(os.listdir(folder)):
        path = osp.join(folder, name)
        if not (_TEMPORARY.match(name) and name.endswith(ending)):
            continue
        try:
            if _is_abandoned(path):
                os.remove(path)
                removed.append(name)
        except FileNotFoundError:  # its writer has just come to an end
            pass
    return removed
