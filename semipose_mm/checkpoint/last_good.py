# Copyright (c) semipose_mm authors.
"""Which checkpoint of a run to go on from: the last one that is whole."""
import os
import os.path as osp
import zipfile
from typing import Callable, Optional, Sequence, Tuple

from semipose_mm.errors import RunError
from .loading import load_from_local

_UNREADABLE = 'it cannot be read'


def find_last_good(folders: Sequence[str],
                   tell: Callable[[str], None]) -> Optional[str]:
    """Find the last checkpoint that a training can go on from.

    A file is known as good by reading all of it, safely. The last one is
    that of the most iterations; those of ``save_best`` have no optimizer and
    are left out.

    Args:
        folders (Sequence[str]): Where a run saves.
        tell (Callable): Is given a line for each file that is passed over.

    Returns:
        str, optional: Path of the checkpoint, None if there is none.

    Raises:
        RunError: If there are some, and none can be read.
    """
    found = [
        osp.join(folder, name) for folder in folders if osp.isdir(folder)
        for name in os.listdir(folder)
        if name.endswith('.pth') and not name.startswith(('.', 'best_'))
    ]
    unreadable = False
    for path in sorted(found, key=_progress, reverse=True):
        why = _what_is_wrong(path)
        if why is None:
            return path
        tell(f'{path} is passed over: {why}')
        unreadable = unreadable or why.startswith(_UNREADABLE)
    if unreadable:
        raise RunError(
            f'no checkpoint in {" or ".join(folders)} can be read, see above: '
            'restore or remove them, or choose another work folder')
    return None


def _progress(path: str) -> Tuple[float, int]:
    """Iterations of a checkpoint, and when it was written."""
    try:
        # the tensors are not read
        meta = load_from_local(path, 'cpu', mmap=True).get('meta')
        iterations = float(meta['iter'])
    except (TypeError, KeyError, AttributeError):
        iterations = -1.  # weights alone
    except Exception:  # torch raises many kinds on torn files
        iterations = float('inf')
    return iterations, os.stat(path).st_mtime_ns


def _what_is_wrong(path: str) -> Optional[str]:
    """Why no training can go on from a file, None if one can."""
    try:
        is_archive = zipfile.is_zipfile(path)
        if is_archive:
            # torch does not compare the checksums of the tensors
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                return f'{_UNREADABLE} ({damaged} in it is damaged)'
        # all of an archive has just been read
        checkpoint = load_from_local(path, 'cpu', mmap=is_archive)
    except Exception as error:  # torch raises many kinds on torn files
        text = str(error).splitlines() or [type(error).__name__]
        return f'{_UNREADABLE} ({text[0][:200]})'
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if not isinstance(meta, dict) or 'iter' not in meta:
        return 'it is no checkpoint of a training'
    if 'optimizer' not in checkpoint:
        return 'it has no state of the optimizer'
    return None
