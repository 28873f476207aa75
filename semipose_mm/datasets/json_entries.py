# Copyright (c) semipose_mm authors.
"""Json files read with a clear word on what is wrong in them."""
import gc
import json
import math
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional, Tuple

from mmengine.fileio import exists, get

MISSING = object()

# No image that can be read has a longer side, and float32 is exact below.
MAX_COORDINATE = 1e7


def entry_error(where: str, field: str, found: Any,
                allowed: str) -> ValueError:
    """Say what is wrong with a field of an entry.

    Args:
        where (str): The file and the entry.
        field (str): The field.
        found (Any): Its value, or :data:`MISSING`.
        allowed (str): What it must be.

    Returns:
        ValueError: The error.
    """
    if found is MISSING:
        found = 'is missing'
    else:
        text = repr(found)
        found = 'is ' + (text if len(text) < 100 else text[:97] + '...')
    return ValueError(f"{where}: field '{field}' {found}; it must be "
                      f'{allowed}')


def is_number(value: Any) -> bool:
    """Whether a value from a json file is a finite number.

    Args:
        value (Any): The value.

    Returns:
        bool: True if so.
    """
    if isinstance(value, float):
        return math.isfinite(value)
    # an integer of a json may be too large for a float
    return (isinstance(value, int) and not isinstance(value, bool)
            and abs(value) < 1 << 63)


@contextmanager
def no_collecting() -> Iterator[None]:
    """Make many objects without cycles: looking for those takes long."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def load_json(path: str,
              key: str,
              slim: Optional[Callable[[dict], Any]] = None) -> Any:
    """Load a json file.

    Args:
        path (str): Path of the file.
        key (str): The config key that names it, for the error messages.
        slim (Callable, optional): What to make of each dict as soon as it is
            read, to spare memory. Defaults to None.

    Returns:
        Any: Its content.
    """
    if not exists(path):
        raise FileNotFoundError(f"{key}: there is no file '{path}'")
    try:
        # of bytes, json sees by itself whether they are UTF-8 or UTF-16
        with no_collecting():
            return json.loads(get(path), object_hook=slim)
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(
            f"{key}: '{path}' cannot be read as json: {error}") from error


def list_of(content: Any, field: str, path: str, key: str) -> list:
    """Get a list of a COCO-style file, with its entries checked as dicts.

    Args:
        content (Any): Content of the file.
        field (str): Name of the list.
        path (str): Path of the file, for the error messages.
        key (str): The config key that names it, for the error messages.

    Returns:
        list[dict]: The list.
    """
    if not isinstance(content, dict):
        raise ValueError(
            f"{key}: '{path}' holds a {type(content).__name__}; it must be "
            f"a COCO-style dict with the list '{field}'")
    entries = content.get(field, MISSING)
    if not isinstance(entries, list):
        found = ('no'
                 if entries is MISSING else f'a {type(entries).__name__} as')
        raise ValueError(f"{key}: '{path}' has {found} '{field}'; it must be "
                         'a list of dicts')
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise ValueError(f"{key}: '{path}', {field}[{index}] is a "
                             f'{type(entry).__name__}; it must be a dict')
    return entries


def read_box(entry: dict, where: str) -> Tuple[float, float, float, float]:
    """Read a box x, y, width, height of any size.

    Args:
        entry (dict): The entry with the box.
        where (str): The file and the entry, for the error message.

    Returns:
        tuple[float]: The four numbers.
    """
    bbox = entry.get('bbox', MISSING)
    if (not isinstance(bbox, list) or len(bbox) != 4
            or not all(map(is_number, bbox))):
        raise entry_error(where, 'bbox', bbox,
                          'four finite numbers: x, y, width, height')
    if max(map(abs, bbox)) > MAX_COORDINATE:
        raise entry_error(where, 'bbox', bbox,
                          f'in pixels, at most {MAX_COORDINATE:g}')
    return tuple(map(float, bbox))
