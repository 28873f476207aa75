# Copyright (c) semipose_mm authors.
"""The weights of one network out of a training checkpoint."""
import re
from collections import OrderedDict
from typing import Dict, List, Union

import torch
from torch import Tensor

from semipose_mm.models.networks import PARTS, PEERS, TEACHERS

_PEER = re.compile(rf'{PEERS}\.(\d+)\.')
_TEACHER = re.compile(rf'{TEACHERS}\.(\w+)\.')


class ExportError(ValueError):
    """Why a network cannot be exported, in one line."""


def network_weights(state: Dict[str, Tensor],
                    key: Union[int, str]) -> 'OrderedDict[str, Tensor]':
    """Take one network out of the state dict of a ``SemiPoseEstimator``.

    Args:
        state (dict): State dict of all networks, or of a single one.
        key (int | str): Number of the network, or name of a teacher.

    Returns:
        OrderedDict: Its weights under MMPose's names, with the part of
        ``_metadata`` that belongs to them. Tensors are not copied.

    Raises:
        ExportError: If there is no such network.
    """
    teachers = dict.fromkeys(m[1] for m in map(_TEACHER.match, state) if m)
    keys = [*network_numbers(state), *teachers]
    if key not in keys:
        raise ExportError(f'--network is {key}, but the checkpoint holds '
                          f'{", ".join(map(str, keys))}')
    part = OrderedDict(_own_entries(state, key))
    metadata = getattr(state, '_metadata', None)
    if metadata is not None:
        part._metadata = OrderedDict(_own_entries(metadata, key))
    return part


def network_numbers(state: Dict[str, Tensor]) -> List[int]:
    """Numbers of the trained networks in a state dict.

    Args:
        state (dict): State dict of all networks, or of a single one.
    """
    found = {int(m[1]) for m in map(_PEER.match, state) if m}
    return [0, *sorted(found)]


def _own_entries(entries: dict, key: Union[int, str]):
    """Names and values of a network, without its prefix."""
    prefix = f'{TEACHERS if isinstance(key, str) else PEERS}.{key}'
    for name, value in entries.items():
        if key == 0:
            if name.partition('.')[0] in ('', 'data_preprocessor', *PARTS):
                yield name, value
        elif name == prefix or name.startswith(f'{prefix}.'):
            # modules are named without a dot at the end
            yield name[len(prefix) + 1:], value


def average_weights(
        networks: List[Dict[str, Tensor]]) -> 'OrderedDict[str, Tensor]':
    """Mean of the weights and buffers of equal networks.

    Args:
        networks (list[dict]): Their state dicts, see :func:`network_weights`.

    Returns:
        OrderedDict: The mean, computed in float64 and of the type it had;
        what is not floating point (batch norm's counters) is network 0's.

    Raises:
        ExportError: If there is one network only, or if they differ in what
            they hold or in a shape.
    """
    if len(networks) < 2:
        raise ExportError('--network average needs several networks, but the '
                          'checkpoint holds one')
    first = networks[0]
    for number, other in enumerate(networks[1:], 1):
        for key in {**first, **other}:
            shapes = [
                'missing' if key not in net else tuple(net[key].shape)
                for net in (first, other)
            ]
            if shapes[0] != shapes[1]:
                raise ExportError(
                    '--network average needs equal networks, but '
                    f'{key} is {shapes[0]} in network 0 and {shapes[1]} in '
                    f'network {number}; export one of them')
    mean = OrderedDict(first)
    for key, value in first.items():
        if value.is_floating_point():
            values = torch.stack([net[key].double() for net in networks])
            mean[key] = values.mean(0).to(value.dtype)
    if hasattr(first, '_metadata'):
        mean._metadata = first._metadata
    return mean
