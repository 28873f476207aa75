# Copyright (c) semipose_mm authors.
"""What several processes decide together."""
import torch
from mmengine.dist import all_reduce, broadcast_object_list, get_world_size

#: Iterations or batches between two looks at the others' wish to stop.
STOP_INTERVAL = 10


def any_rank(wish: bool) -> bool:
    """Whether any rank wishes something; all ranks must ask.

    Args:
        wish (bool): This rank's wish.

    Returns:
        bool: The same on all ranks.
    """
    if get_world_size() == 1:
        return wish
    wishes = torch.tensor(int(wish))
    all_reduce(wishes, 'max')
    return bool(wishes)


def from_main(values: list) -> list:
    """What rank 0 knows; all ranks must ask.

    Args:
        values (list): Objects; those of other ranks are not looked at.

    Returns:
        list: Those of rank 0, on all ranks.
    """
    broadcast_object_list(values)
    return values
