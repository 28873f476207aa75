# Copyright (c) semipose_mm authors.
"""Which entries of a checkpoint go to which network."""
import logging
from typing import Dict, List, Sequence, Tuple

import torch
from torch import Tensor, nn

from .networks import PARTS, PEERS, TEACHERS, own_state

# entries named in a line of the log
_NAMED = 4


def mirror_to_peers(state_dict: dict, prefix: str,
                    networks: Sequence[nn.Module]) -> int:
    """Give peers the weights of a checkpoint that knows only one network.

    A backbone, neck or head takes them if it is built as network 0's; entries
    of another shape are left out, such as the final layer for other joints.
    Entries of a head that network 0 does not have are of an older format,
    which heads convert.

    Args:
        state_dict (dict): Changed in place.
        prefix (str): Prefix of the estimator's keys.
        networks (Sequence[nn.Module]): Network 0 and its peers.

    Returns:
        int: Number of entries added; 0 where the checkpoint has peers.
    """
    if any(key.startswith(f'{prefix}{PEERS}.') for key in state_dict):
        return 0
    plain = {
        key[len(prefix):]: value
        for key, value in state_dict.items() if key.startswith(prefix)
    }
    first = _shapes(own_state(networks[0]))
    added = 0
    for number, peer in enumerate(networks[1:], 1):
        own = _shapes(own_state(peer))
        for key, value in plain.items():
            part = key.partition('.')[0]
            if own.get(part) != first.get(part):
                continue
            known = first.get(part, {})
            old_head = part == 'head' and key not in known
            if old_head or known.get(key) == value.shape:
                state_dict[f'{prefix}{PEERS}.{number}.{key}'] = value
                added += 1
    return added


def mirror_to_teachers(
        state_dict: dict, prefix: str,
        followed: Dict[str, Tuple[int, nn.Module]]) -> List[Tuple[str, int]]:
    """Give teachers that a checkpoint lacks the weights of their students.

    Entries of another shape are left out, as in :func:`mirror_to_peers`.

    Args:
        state_dict (dict): After :func:`mirror_to_peers`; changed in place.
        prefix (str): Prefix of the estimator's keys.
        followed (dict): Name of a teacher to the number of its student, and
            the teacher.

    Returns:
        list[tuple]: A line and its log level for each of them.
    """
    lines = []
    for name, (number, teacher) in followed.items():
        start = f'{prefix}{TEACHERS}.{name}.'
        if any(key.startswith(start) for key in state_dict):
            continue
        own = prefix + (f'{PEERS}.{number}.' if number else '')
        shapes = {k: v.shape for k, v in own_state(teacher).items()}
        found = {
            key[len(own):]: value
            for key, value in state_dict.items() if key.startswith(own)
        }
        state_dict.update({
            start + key: value
            for key, value in found.items() if key.partition('.')[0] in PARTS
            and shapes.get(key, value.shape) == value.shape
        })
        lines.append((f'Checkpoint: teacher {name} is not in it and takes '
                      f'what network {number} does', logging.INFO))
    return lines


def _shapes(state: Dict[str, Tensor]) -> Dict[str, Dict[str, torch.Size]]:
    """Shapes by entry, for each of backbone, neck and head."""
    parts = {}
    for key, value in state.items():
        parts.setdefault(key.partition('.')[0], {})[key] = value.shape
    return parts


def unmatched(own: Dict[str, Tensor],
              state_dict: dict,
              prefix: str = '') -> List[str]:
    """Entries that a checkpoint lacks or has in another shape.

    Args:
        own (dict): State of a network, see :func:`own_state`.
        state_dict (dict): State dict of the checkpoint.
        prefix (str): Prefix of the network's keys in it. Defaults to ``''``
    """
    return [
        key for key, value in own.items() if prefix +
        key not in state_dict or state_dict[prefix + key].shape != value.shape
    ]


def describe_loading(state_dict: dict, prefix: str,
                     networks: Sequence[nn.Module],
                     mirrored: int) -> List[Tuple[str, int]]:
    """Say what each network takes from a checkpoint.

    Args:
        state_dict (dict): After :func:`mirror_to_peers`.
        prefix (str): Prefix of the estimator's keys.
        networks (Sequence[nn.Module]): Network 0 and its peers.
        mirrored (int): What that function returned.

    Returns:
        list[tuple]: A line and its log level for each network, a warning
        where network 0 takes less than half; none where a checkpoint of all
        networks has every entry.
    """
    lines, complete = [], not mirrored
    for number, net in enumerate(networks):
        start = prefix + (f'{PEERS}.{number}.' if number else '')
        own = own_state(net)
        old_head = any(
            key.startswith(f'{start}head.') and key[len(start):] not in own
            for key in state_dict)
        kept = [
            _entry(key, own[key], state_dict.get(start + key))
            for key in unmatched(own, state_dict, start)
            if not (old_head and key.startswith('head.'))
        ]
        same = number and mirrored and len(kept) < len(own)
        source = ', the same as network 0' if same else ''
        line = (f'Checkpoint: network {number} takes '
                f'{len(own) - len(kept)} of its {len(own)} entries{source}')
        if kept:
            complete = False
            more = len(kept) - _NAMED
            line += '; it keeps its own ' + ', '.join(kept[:_NAMED])
            line += f' and {more} more' if more > 0 else ''
        poor = number == 0 and 2 * len(kept) > len(own)
        if poor:
            line += '. Is it the checkpoint of another network?'
        lines.append((line, logging.WARNING if poor else logging.INFO))
    return [] if complete else lines


def _entry(key: str, own: Tensor, found: Tensor) -> str:
    """Name an entry that is kept, with the reason if it is its shape."""
    if found is None:
        return key
    return f'{key} {tuple(own.shape)}, not {tuple(found.shape)}'
