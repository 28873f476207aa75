# Copyright (c) semipose_mm authors.
"""What several processes decide together."""
import torch
from mmengine.dist import all_reduce, get_world_size

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
