# Copyright (c) semipose_mm authors.
"""File names that stay in the folders that a config names."""
import os.path as osp
from typing import Optional, Sequence, Tuple


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


def check_name(name: str, path: str, roots: Sequence[str], where: str) -> None:
    """Refuse a file name that leads out of the folders.

    Args:
        name (str): The name, as a file has it.
        path (str): The path that it gives.
        roots (Sequence[str]): The folders; none allow any path.
        where (str): Where the name stands, for the error message.

    Raises:
        ValueError: If it leads outside.
    """
    # other names stay where they are joined to, which spares the rest
    if not roots or not (osp.isabs(name) or '..' in name or '://' in name):
        return
    if not is_inside(path, roots):
        raise ValueError(
            f"{where}: the file name '{name}' leads to '{path}', outside of "
            f'{describe(roots)}; allow_outside=True of the dataset allows it')


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
