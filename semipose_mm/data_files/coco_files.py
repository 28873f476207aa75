# Copyright (c) semipose_mm authors.
"""Json files of data sets: read with their hash, written as a whole."""
import hashlib
import os
import os.path as osp
import tempfile
from typing import Any, NamedTuple

from .findings import DataError as FileFault
from .findings import Findings
from .text import parse_json, read_bytes


class JsonFile(NamedTuple):
    """A json file and what identifies it.

    Args:
        path (str): Its path.
        content (Any): Its content.
        sha256 (str): Hash of its bytes, hexadecimal.
        size (int): Its length in bytes.
    """

    path: str
    content: Any
    sha256: str
    size: int


def read_json(path: str) -> JsonFile:
    """Read a json file once, for its content and its hash.

    Args:
        path (str): The file.

    Returns:
        JsonFile: The file.

    Raises:
        FileFault: If there is no such file, or it is no json.
    """
    findings = Findings()
    data = read_bytes(path, path, findings)
    return JsonFile(path, parse_json(data, path, findings),
                    hashlib.sha256(data).hexdigest(), len(data))


def write_bytes(path: str, data: bytes) -> None:
    """Write a file as a whole or not at all.

    Args:
        path (str): The file; its folder is made.
        data (bytes): The content.

    Raises:
        FileFault: If it cannot be written.
    """
    folder = osp.dirname(osp.abspath(path))
    temporary = None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            prefix='.' + osp.basename(path), dir=folder)
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
        # mkstemp lets nobody else read, other than files usually are
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        raise FileFault(
            f'{path} cannot be written: {error.strerror}') from error
    finally:
        if temporary is not None and osp.exists(temporary):
            os.remove(temporary)


def shorten(value: Any, length: int = 60) -> str:
    """Show a value of a file in a message.

    Args:
        value (Any): The value.
        length (int): The most characters to show. Defaults to 60.

    Returns:
        str: Its beginning, as Python writes it.
    """
    text = repr(value)
    return text if len(text) <= length else text[:length - 3] + '...'


def name_some(values, limit: int = 10) -> str:
    """Name the first of several values.

    Args:
        values (Sequence): The values.
        limit (int): How many to name. Defaults to 10.

    Returns:
        str: For example ``'1, 2, 3 and 7 more'``.
    """
    values = list(values)
    text = ', '.join(str(value) for value in values[:limit])
    more = len(values) - limit
    return text + (f' and {more} more' if more > 0 else '')
