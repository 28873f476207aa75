# Copyright (c) semipose_mm authors.
"""Which checkpoint of a run to go on from: the last one that is whole."""
import os
import os.path as osp
import zipfile
from typing import Callable, List, Optional

from .loading import load_from_local

#: MMEngine's file with the path of the checkpoint that was saved last.
_POINTER = 'last_checkpoint'


def find_last_good(work_dir: str, tell: Callable[[str],
                                                 None]) -> Optional[str]:
    """Find the last checkpoint that a training can go on from.

    A file is known as good by reading all of it, safely. The last one counts
    by time; those of ``save_best`` have no optimizer and are left out.

    Args:
        work_dir (str): Folder of the run.
        tell (Callable): Is given a line for each file that is passed over.

    Returns:
        str, optional: Path of the checkpoint, None if there is none.
    """
    for path in _newest_first(work_dir):
        why = _what_is_wrong(path)
        if why is None:
            return path
        tell(f'{path} is passed over: {why}')
    return None


def _newest_first(work_dir: str) -> List[str]:
    """Checkpoint files of a run."""
    found = _checkpoints(work_dir)
    pointer = osp.join(work_dir, _POINTER)
    # a run with an `out_dir` saves elsewhere; a copied one points elsewhere
    if not found and osp.isfile(pointer):
        with open(pointer, errors='replace') as file:
            found = _checkpoints(osp.dirname(file.read().strip()))
    return sorted(found, key=lambda p: (os.stat(p).st_mtime_ns, p))[::-1]


def _checkpoints(folder: str) -> List[str]:
    if not osp.isdir(folder):
        return []
    return [
        osp.join(folder, name) for name in os.listdir(folder)
        if name.endswith('.pth') and not name.startswith(('.', 'best_'))
    ]


def _what_is_wrong(path: str) -> Optional[str]:
    """Why no training can go on from a file, None if one can."""
    try:
        # torch does not compare the checksums of the tensors
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                return f'{damaged} in it is damaged'
        checkpoint = load_from_local(path, 'cpu')
    except Exception as error:  # torch raises many kinds on torn files
        text = str(error).splitlines() or [type(error).__name__]
        return f'it cannot be read ({text[0][:200]})'
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if not isinstance(meta, dict) or 'iter' not in meta:
        return 'it is no checkpoint of a training'
    if 'optimizer' not in checkpoint:
        return 'it has no state of the optimizer'
    return None
