# Copyright (c) semipose_mm authors.
"""Running statistics: which they are, and those of several processes."""
from typing import List

from mmengine.dist import all_reduce_params, get_world_size
from torch import Tensor, nn


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
