# Copyright (c) semipose_mm authors.
"""Json files and text lists, read whatever encoding they have."""
import gc
import json
import os
import os.path as osp
import re
from contextlib import contextmanager
from typing import (Any, Callable, Collection, Iterator, List, NamedTuple,
                    Optional, Tuple)

from mmengine.fileio import exists, get

from .findings import Findings

MISSING = object()
VIDEOS = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.mts',
          '.webm', '.wmv')
IMAGES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')
UTF_16 = (b'\xff\xfe', b'\xfe\xff')

FORMAT = "COCO json with 'images', 'annotations' and 'categories'"
_UNLABELED = 'Give {} as unlabeled data; labels are ' + FORMAT
TABLES = ('.csv', '.h5', '.hdf5', '.mat', '.pickle', '.pkl', '.slp', '.tsv',
          '.xml', '.yaml', '.yml')
_OTHERS = {
    TABLES: ('is a {} file, as of DeepLabCut, SLEAP and others',
             f'semipose import makes {FORMAT} of it'),
    VIDEOS: ('is a video',
             _UNLABELED.format(
                 'the folder of its frames, which semipose frames writes,')),
    IMAGES: ('is an image', _UNLABELED.format('its folder')),
}


def show(value: Any, length: int = 100) -> str:
    """Say what a value of a file is.

    Args:
        value (Any): The value, or :data:`MISSING`.
        length (int): The most characters to show of it. Defaults to 100.

    Returns:
        str: Such as ``'is [1, 2]'``.
    """
    if value is MISSING:
        return 'is missing'
    text = repr(value)
    return 'is ' + (text if len(text) <= length else text[:length - 3] + '...')


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


def _is_there(path: str, where: str, findings: Findings) -> bool:
    """Whether there is a file that may be of the right kind."""
    found, advice = '', ''
    ending = osp.splitext(path)[1].lower()
    if osp.isdir(path):
        found, advice = 'is a folder', _UNLABELED.format('a folder of images')
    elif not exists(path):
        found = 'does not exist'
    else:
        for endings, (text, what_to_do) in _OTHERS.items():
            if ending in endings:
                found, advice = text.format(ending), what_to_do
    if found:
        findings.error('file', where, found, advice=advice)
    return not found


def read_json(path: str,
              key: str,
              findings: Findings,
              slim: Optional[Callable[[dict], Any]] = None) -> Any:
    """Read a json file in UTF-8, UTF-16 or UTF-32, with or without a mark.

    Args:
        path (str): The file, local or remote.
        key (str): The config key or option that names it, for messages.
        findings (Findings): Learns what is wrong.
        slim (Callable, optional): What to make of each dict as soon as it is
            read, to spare memory. Defaults to None.

    Returns:
        Any: Its content; None if it cannot be read.
    """
    where = f"{key} '{path}'"
    data = read_bytes(path, where, findings)
    return None if data is None else parse_json(data, where, findings, slim)


def read_bytes(path: str, where: str, findings: Findings) -> Optional[bytes]:
    """Read a file that may hold labels.

    Args:
        path (str): The file, local or remote.
        where (str): What messages call it.
        findings (Findings): Learns if it is not there, or of another kind.

    Returns:
        bytes, optional: Its content; None if it cannot be read.
    """
    if not _is_there(path, where, findings):
        return None
    try:
        return get(path)
    except OSError as error:
        findings.error('file', where,
                       f'cannot be read: {error.strerror or error}')
        return None


def parse_json(data: bytes,
               where: str,
               findings: Findings,
               slim: Optional[Callable[[dict], Any]] = None) -> Any:
    """Read the content of a json file, see :func:`read_json`.

    Args:
        data (bytes): The file.
        where (str): What messages call it.
        findings (Findings): Learns what is wrong.
        slim (Callable, optional): See :func:`read_json`.

    Returns:
        Any: Its content; None if it cannot be read.
    """
    try:
        # of bytes, json sees by itself which UTF they are in
        with no_collecting():
            content = json.loads(data, object_hook=slim)
    except (ValueError, RecursionError) as error:
        findings.error(
            'json',
            where,
            f'cannot be read as json: {error}',
            advice='Save it as UTF-8'
            if isinstance(error, UnicodeDecodeError) else '')
        return None
    if content is None:
        findings.error('json', where, 'holds null')
    return content


class Lines(NamedTuple):
    """Lines of a text file.

    Args:
        lines (list[tuple[int, str]]): Number of each line that is not blank,
            counted from 1, and the line.
        guessed (bool): Whether they are no UTF-8 and read as Latin-1.
    """

    lines: List[tuple]
    guessed: bool


def read_lines(path: str, key: str, findings: Findings) -> Lines:
    """Read a text file in UTF-8, UTF-16 with a mark, or Latin-1.

    Args:
        path (str): The file, local or remote.
        key (str): The config key or option that names it, for messages.
        findings (Findings): Learns what is wrong.

    Returns:
        Lines: Its lines without white space around them.
    """
    where, guessed = f"{key} '{path}'", False
    data = read_bytes(path, where, findings)
    if data is None:
        return Lines([], False)
    try:
        text = data.decode(
            'utf-16' if data.startswith(UTF_16) else 'utf-8-sig')
    except UnicodeDecodeError:
        text, guessed = data.decode('latin-1'), True
    if '\0' in text:
        findings.error('text', where,
                       'cannot be read as text: it holds null bytes')
        return Lines([], False)
    text = text.replace('\r\n', '\n').replace('\r', '\n')
    lines = enumerate(text.split('\n'), start=1)
    return Lines([(number, line.strip())
                  for number, line in lines if line.strip()], guessed)


def entries_of(content: Any, field: str, where: str,
               findings: Findings) -> List[tuple]:
    """Get a list of dicts from the content of a COCO file.

    Args:
        content (Any): The content, or None for nothing.
        field (str): ``'images'``, ``'annotations'`` or ``'categories'``.
        where (str): The file, for messages.
        findings (Findings): Learns what is wrong.

    Returns:
        list[tuple[int, dict]]: Index and entry of those that are dicts.
    """
    entries: Any = []
    if isinstance(content, dict):
        entries = content.get(field, MISSING)
        if not isinstance(entries, list):
            found = ('no' if entries is MISSING else
                     f'a {type(entries).__name__} as')
            findings.error(
                'list',
                where,
                f"has {found} '{field}'",
                advice='It needs a list of dicts')
            entries = []
    elif content is not None:
        findings.error(
            'list',
            where,
            f'holds a {type(content).__name__}',
            allowed=f"a COCO-style dict with the list '{field}'")
    return only_dicts(entries, where, field + '[{}]', findings)


def only_dicts(entries: list, where: str, pattern: str,
               findings: Findings) -> List[tuple]:
    """Number the dicts of a list, and report what is none.

    Args:
        entries (list): The list.
        where (str): The file, for messages.
        pattern (str): What to call an entry, with ``{}`` for its index.
        findings (Findings): Learns what is wrong.

    Returns:
        list[tuple[int, dict]]: Index and entry of those that are dicts.
    """
    found = []
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            found.append((index, entry))
        else:
            findings.error(
                'no dict',
                f'{where}, {pattern.format(index)}',
                f'is a {type(entry).__name__}',
                allowed='a dict')
    return found


def natural_key(name: str) -> Tuple:
    """A key that sorts ``img2`` before ``img10``.

    Args:
        name (str): A file name or path.

    Returns:
        tuple: Text and numbers in turn, and the name itself, which decides
        between ``img2`` and ``img02``.
    """
    parts = re.split(r'(\d+)', name)
    parts[1::2] = map(int, parts[1::2])
    return (*parts, name)


def video_names(folder: str) -> List[str]:
    """Names of the videos that lie in a folder, sorted.

    Args:
        folder (str): The folder; those in it are not searched.
    """
    return sorted(
        name for name in os.listdir(folder)
        if name.lower().endswith(VIDEOS) and name[0] != '.')


def free_name(stem: str, taken: Collection[str]) -> str:
    """The first of ``stem``, ``stem_2``, ``stem_3``, ... that is not taken.

    Args:
        stem (str): A name.
        taken (Collection[str]): Names that others have.
    """
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f'{stem}_{number}'
    return name
