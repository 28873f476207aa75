# Copyright (c) semipose_mm authors.
"""Json files with what identifies them."""
import hashlib
from typing import Any, NamedTuple

from semipose_mm.data_files import Findings
from semipose_mm.data_files.text import parse_json, read_bytes


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
        DataError: If there is no such file, or it is no json.
    """
    findings = Findings()
    data = read_bytes(path, path, findings)
    return JsonFile(path, parse_json(data, path, findings),
                    hashlib.sha256(data).hexdigest(), len(data))


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
