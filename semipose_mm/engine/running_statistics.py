# Copyright (c) semipose_mm authors.
"""Running statistics of several processes."""
from mmengine.dist import all_reduce_params, get_world_size
from torch import nn


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
            [b for b in model.buffers() if b.is_floating_point()], op='mean')
