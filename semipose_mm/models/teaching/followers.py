# Copyright (c) semipose_mm authors.
"""Weights of networks that are not trained, beside those that are."""
from typing import Dict, List, Tuple

import torch
from torch import Tensor, nn

from ..networks import own_state


def freeze_weights(net: nn.Module) -> nn.Module:
    """Turn the parameters of a network into buffers.

    No optimizer and no gradient reduction then meets them; state dicts,
    devices and memory formats do as before.

    Args:
        net (nn.Module): Changed in place.
    """
    net.weight_names = frozenset(name for name, _ in net.named_parameters())
    for module in net.modules():
        for name, param in list(module._parameters.items()):
            if param is not None:
                delattr(module, name)
                module.register_buffer(name, param.detach())
    return net


class Follower:
    """A teacher's weights beside those of the network that it follows.

    Args:
        teacher (nn.Module): Its state is changed in place.
        student (nn.Module): A network of the same architecture.
    """

    def __init__(self, teacher: nn.Module, student: nn.Module) -> None:
        #: Where weights, running statistics and counters are: hooks such as
        #: ChannelsLastHook put other tensors there.
        self.floats, self.others = [], []
        for key, value in own_state(teacher).items():
            places = self.floats if value.is_floating_point() else self.others
            places.append((_place(teacher, key), _place(student, key)))

    @torch.no_grad()
    def copy(self) -> None:
        """Give the teacher all that the student has."""
        for places in filter(None, (self.floats, self.others)):
            torch._foreach_copy_(*_tensors(places))

    @torch.no_grad()
    def average(self, kept: float) -> None:
        """Mix the student into the teacher.

        Args:
            kept (float): The teacher's own share, in [0, 1]. Counters of
                batch norm are copied.
        """
        torch._foreach_lerp_(*_tensors(self.floats), 1 - kept)
        if self.others:
            torch._foreach_copy_(*_tensors(self.others))


def _place(net: nn.Module, key: str) -> Tuple[Dict[str, Tensor], str]:
    """The dict of a module that holds an entry, and the name there."""
    path, _, name = key.rpartition('.')
    module = net.get_submodule(path)
    held = module._buffers if name in module._buffers else module._parameters
    return held, name


def _tensors(places: list) -> List[List[Tensor]]:
    """What is there now: the teacher's, and the student's."""
    return [[held[name] for held, name in (pair[i] for pair in places)]
            for i in range(2)]
