# Copyright (c) semipose_mm authors.
"""File names of images: where they lead, and how the disk writes them."""
import os
import os.path as osp
from typing import Optional, Sequence, Tuple
from unicodedata import normalize

from ..findings import Findings


def allowed_roots(folder: str,
                  data_root: Optional[str] = None) -> Tuple[str, ...]:
    """Get the folders that images of a dataset may lie in.

    Args:
        folder (str): The folder of the images, ``data_prefix['img']``.
        data_root (str, optional): The root of the dataset. Defaults to None.

    Returns:
        tuple[str]: The folders, local or remote.
    """
    return (folder, data_root) if data_root else (folder, )


def is_inside(path: str, roots: Sequence[str]) -> bool:
    """Whether a path lies in one of some folders, by its letters alone.

    Links are followed nowhere: those in a folder are its owner's.

    Args:
        path (str): The path, local or remote.
        roots (Sequence[str]): The folders, local or remote.

    Returns:
        bool: True if so.
    """
    scheme, path = _split(path)
    for root in roots:
        root_scheme, root = _split(root)
        if scheme == root_scheme and (path == root or path.startswith(
                root if root.endswith(osp.sep) else root + osp.sep)):
            return True
    return False


def check_name(name: str, path: str, roots: Sequence[str], where: str,
               findings: Findings) -> bool:
    """Refuse a file name that leads out of the folders.

    Args:
        name (str): The name, as a file has it.
        path (str): The path that it gives.
        roots (Sequence[str]): The folders; none allow any path.
        where (str): Where the name stands, for the error message.
        findings (Findings): Learns if it leads outside.

    Returns:
        bool: Whether it does not.
    """
    # other names stay where they are joined to, which spares the rest
    if not roots or not (osp.isabs(name) or '..' in name
                         or '://' in name) or is_inside(path, roots):
        return True
    findings.error(
        'outside',
        where, f"is '{name}', which leads to '{path}', "
        f'outside of {describe(roots)}',
        advice='allow_outside=True of the dataset allows it')
    return False


def describe(roots: Sequence[str]) -> str:
    """Name folders in a message.

    Args:
        roots (Sequence[str]): The folders.

    Returns:
        str: For example ``"'data/images' and 'data'"``.
    """
    return ' and '.join(f"'{root or '.'}'" for root in dict.fromkeys(roots))


def _split(path: str) -> Tuple[str, str]:
    """Split a path into the scheme of a remote one and a normal path."""
    scheme, separator, rest = path.partition('://')
    if not separator:
        return '', osp.abspath(path)
    # names may bring a scheme of their own, which then stands too late
    return scheme, osp.normpath(osp.join(osp.sep, rest))


def name_on_disk(name: str, folder: str) -> str:
    r"""Find how the disk writes a name.

    Letters with marks have two normal forms in Unicode, and Windows
    separates folders by ``\``.

    Args:
        name (str): The name, as a file has it.
        folder (str): The folder that it is relative to.

    Returns:
        str: The name of a file that is there, or the name as it is.
    """
    plain = name.isascii() and '\\' not in name
    if plain or '://' in folder or osp.exists(osp.join(folder, name)):
        return name
    for text in dict.fromkeys((name, name.replace('\\', '/'))):
        found = '/' if text.startswith('/') else ''
        for part in filter(None, text.split('/')):
            forms = [part, normalize('NFC', part), normalize('NFD', part)]
            found = osp.join(
                found,
                next((form for form in forms
                      if osp.lexists(osp.join(folder, found, form))), part))
        if osp.exists(osp.join(folder, found)):
            return found
    return name


def say_missing(path: str) -> str:
    """Say that an image does not exist, and what is there in its place.

    Args:
        path (str): The image that is not there.

    Returns:
        str: To be read after the path.
    """
    if osp.islink(path):
        return f"is a link to '{os.readlink(path)}', which does not exist"
    folder, name = osp.split(path)
    stem = osp.splitext(name)[0].lower()
    try:
        others = sorted(
            one for one in os.listdir(folder or '.')
            if osp.splitext(one)[0].lower() == stem)
    except OSError:
        others = []
    if not osp.isdir(folder or '.'):
        return 'does not exist, nor does its folder'
    text = f'; there is {", ".join(others[:3])} in its place' if others else ''
    return f'does not exist{text}'
