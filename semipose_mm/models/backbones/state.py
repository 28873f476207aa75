# Copyright (c) semipose_mm authors.
"""Entries of a file of weights, whatever wrote it."""
from collections import Counter
from typing import Any, Callable, Dict, List, NamedTuple

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from semipose_mm.errors import RunError

State = Dict[str, Tensor]
# where trainings keep weights, an average before what it averages
_KEYS = ('state_dict_ema', 'model_ema', 'state_dict', 'model', 'teacher',
         'module')


class Fit(NamedTuple):
    """What a network takes of a file.

    Attributes:
        state (dict): Entries by the network's names.
        missing (list[str]): Its names that the file lacks, or has in another
            shape.
        unused (list[str]): What else the file has below the prefix.
        prefix (str): What the names of the entries begin with in the file.
    """
    state: State
    missing: List[str]
    unused: List[str]
    prefix: str


def read_state(path: str) -> State:
    """Read the tensors of a file.

    Args:
        path (str): A file or an address.

    Returns:
        dict: Tensors by their names in the file.

    Raises:
        RunError: If it cannot be read, or has no tensors.
    """
    content: Any = CheckpointLoader.load_checkpoint(path, 'cpu', 'silent')
    for key in _KEYS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    state = {
        name: value
        for name, value in (
            content.items() if isinstance(content, dict) else ())
        if isinstance(value, Tensor)
    }
    if not state:
        raise RunError(f'checkpoint {path} has no weights')
    return state


def fit_state(own: State, state: State, convert: Callable[[State],
                                                          State]) -> Fit:
    """Find the entries of a network in a file, below whatever prefix.

    Args:
        own (dict): State of the network.
        state (dict): Entries of the file.
        convert (Callable): Gives entries the library's names, see
            :meth:`LibraryBackbone.convert`.

    Returns:
        Fit: What fits best.
    """
    fits = [
        _fit(own, state, prefix, convert) for prefix in _prefixes(own, state)
    ]
    return min(fits, key=lambda fit: len(fit.missing))


def _prefixes(own: State, state: State) -> List[str]:
    """What most names begin with, and what most of the own names follow.

    The first are for names that the library has no more, the second for
    files of several networks, of which network 0 has the shortest
    prefix.
    """
    counts, matches = Counter(), Counter()
    for name, value in state.items():
        for end in (0, *(i for i, one in enumerate(name, 1) if one == '.')):
            counts[name[:end]] += 1
            rest = own.get(name[end:])
            matches[name[:end]] += (
                rest is not None and rest.shape == value.shape)
    many = [one for one, num in counts.items() if 2 * num > len(state)]
    best = max(matches, key=lambda one: (matches[one], -len(one)))
    return list(dict.fromkeys([*many, best]))


def _fit(own: State, state: State, prefix: str,
         convert: Callable[[State], State]) -> Fit:
    part = {
        name[len(prefix):]: value
        for name, value in state.items() if name.startswith(prefix)
    }
    try:
        found = convert(part)
    except (AssertionError, AttributeError, IndexError, KeyError, RuntimeError,
            ValueError):
        # a library's converter that stumbles over names of others
        found = part
    missing = [
        name for name, value in own.items()
        if name not in found or found[name].shape != value.shape
    ]
    lacks = set(missing)
    return Fit({name: found[name]
                for name in own if name not in lacks}, missing,
               [name for name in found if name not in own], prefix)
