# Copyright (c) semipose_mm authors.
"""Which entries of a checkpoint go to which network."""
from typing import Dict, List, Sequence

from torch import Tensor, nn

# entries named in a line of the log
_NAMED = 4


def own_state(net: nn.Module) -> Dict[str, Tensor]:
    """State of a network without that of its peers and teachers."""
    return {
        key: value
        for key, value in net.state_dict().items()
        if not key.startswith(('peers.', 'teachers.'))
    }


def mirror_to_peers(state_dict: dict, prefix: str,
                    networks: Sequence[nn.Module]) -> int:
    """Give peers the weights of a checkpoint that knows only one network.

    Entries of another shape are left out, so that a peer of another
    architecture takes what fits and keeps the rest. Entries of a head that
    network 0 does not have are of an older format, which heads convert.

    Args:
        state_dict (dict): Changed in place.
        prefix (str): Prefix of the estimator's keys.
        networks (Sequence[nn.Module]): Network 0 and its peers.

    Returns:
        int: Number of entries added; 0 where the checkpoint has peers.
    """
    if any(key.startswith(f'{prefix}peers.') for key in state_dict):
        return 0
    plain = {
        key[len(prefix):]: value
        for key, value in state_dict.items() if key.startswith(prefix)
    }
    known = own_state(networks[0])
    added = 0
    for number, peer in enumerate(networks[1:], 1):
        own = own_state(peer)
        for key, value in plain.items():
            old_head = key.startswith('head.') and key not in known
            if old_head or (key in own and own[key].shape == value.shape):
                state_dict[f'{prefix}peers.{number}.{key}'] = value
                added += 1
    return added


def describe_loading(state_dict: dict, prefix: str,
                     networks: Sequence[nn.Module],
                     mirrored: int) -> List[str]:
    """Say what each network takes from a checkpoint.

    Args:
        state_dict (dict): After :func:`mirror_to_peers`.
        prefix (str): Prefix of the estimator's keys.
        networks (Sequence[nn.Module]): Network 0 and its peers.
        mirrored (int): What that function returned.

    Returns:
        list[str]: A line for each network; none where a checkpoint of all
        networks has every entry.
    """
    lines, complete = [], not mirrored
    for number, net in enumerate(networks):
        start = prefix + (f'peers.{number}.' if number else '')
        own = own_state(net)
        old_head = any(
            key.startswith(f'{start}head.') and key[len(start):] not in own
            for key in state_dict)
        kept = [
            _entry(key, value, state_dict.get(start + key))
            for key, value in own.items()
            if not (old_head and key.startswith('head.')) and (
                start + key not in state_dict
                or state_dict[start + key].shape != value.shape)
        ]
        source = ', the same as network 0' if number and mirrored else ''
        line = (f'Checkpoint: network {number} takes '
                f'{len(own) - len(kept)} of its {len(own)} entries{source}')
        if kept:
            complete = False
            more = len(kept) - _NAMED
            line += '; it keeps its own ' + ', '.join(kept[:_NAMED])
            line += f' and {more} more' if more > 0 else ''
        lines.append(line)
    return [] if complete else lines


def _entry(key: str, own: Tensor, found: Tensor) -> str:
    """Name an entry that is kept, with the reason if it is its shape."""
    if found is None:
        return key
    return f'{key} {tuple(own.shape)}, not {tuple(found.shape)}'
