# Copyright (c) semipose_mm authors.
"""What a work folder holds of an earlier training."""
import os
import os.path as osp
import re
from typing import Any, Optional

# a training's own, not weights that somebody has put there
_CHECKPOINT = re.compile(r'(?:iter|epoch|best_.*)_\d+\.pth$')


def used_work_folder(work_dir: str) -> Optional[str]:
    """Say what an earlier training has left in a work folder.

    Args:
        work_dir (str): The folder; it need not exist.

    Returns:
        str, optional: The last checkpoint by its name, and how many there
        are. None if a training can begin there without overwriting anything.
    """
    if not osp.isdir(work_dir):
        return None
    found = [name for name in os.listdir(work_dir) if _CHECKPOINT.match(name)]
    if not found:
        return 'last_checkpoint' if osp.exists(
            osp.join(work_dir, 'last_checkpoint')) else None
    last = max(found, key=lambda name: (_number(name), name))
    more = f' and {len(found) - 1} more checkpoint(s)' if len(found) > 1 \
        else ''
    return f'{last}{more}'


def is_checkpoint_of(path: Any, work_dir: str) -> bool:
    """Whether a file is one that :func:`remove_checkpoints` removes.

    Args:
        path (Any): What a config names.
        work_dir (str): The folder.
    """
    if not isinstance(path, str):
        return False
    folder, name = osp.split(osp.realpath(path))
    return folder == osp.realpath(work_dir) and bool(_CHECKPOINT.match(name))


def remove_checkpoints(work_dir: str) -> None:
    """Remove the checkpoints of an earlier training.

    Args:
        work_dir (str): The folder; whatever else it holds stays.
    """
    for name in os.listdir(work_dir):
        if _CHECKPOINT.match(name) or name == 'last_checkpoint':
            os.remove(osp.join(work_dir, name))


def _number(name: str) -> int:
    """Iterations or epochs of a checkpoint."""
    return int(re.findall(r'\d+', name)[-1])
