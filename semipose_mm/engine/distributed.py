# Copyright (c) semipose_mm authors.
"""Several processes: the model inside, what they decide and average."""
from typing import List

import torch
from mmengine.dist import (all_reduce, all_reduce_params,
                           broadcast_object_list, get_world_size)
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

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


def broadcast_from_main(values: list) -> list:
    """What rank 0 knows; all ranks must ask.

    Args:
        values (list): Objects; those of other ranks are not looked at.

    Returns:
        list: Those of rank 0, on all ranks.
    """
    broadcast_object_list(values)
    return values


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside a distributed wrapper, or the model.

    Args:
        model (nn.Module): A runner's model.
    """
    return model.module if is_model_wrapper(model) else model


def running_buffers(model: nn.Module) -> List[Tensor]:
    """Buffers that a forward pass may change: all but teachers' weights.

    Args:
        model (nn.Module): A model, wrapped or not.
    """
    weights = set()
    for module in model.modules():
        for name in vars(module).get('weight_names', ()):
            weights.add(id(module.get_buffer(name)))
    return [b for b in model.buffers() if id(b) not in weights]


def average_running_statistics(model: nn.Module) -> None:
    """Give all ranks the mean of their running statistics.

    DDP broadcasts no buffers here, so every rank's batch norm has seen
    samples of its own, and a checkpoint would hold those of rank 0. Counters
    are the same on all ranks and stay as they are.

    Args:
        model (nn.Module): A runner's model; its floating point buffers are
            changed in place.
    """
    if get_world_size() > 1:
        all_reduce_params(
            [b for b in running_buffers(model) if b.is_floating_point()],
            op='mean')
