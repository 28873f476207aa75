# Copyright (c) semipose_mm authors.
"""Is an item the same each time it is made?"""
from typing import Any, Dict, List, Optional

import numpy as np
import torch
from mmengine.structures import BaseDataElement

from semipose_mm.errors import RunError
from .seeding import seed_globals, undisturbed
from .transforms.twin import stock_name

# items that are made twice
_ITEMS = 2


def check_repeatable(dataset: Any, key: str) -> None:
    """Make a few items twice, and refuse what differs.

    A transform with a random state of its own, which nobody seeds, makes an
    item another one each time: in a resumed run, in a baseline, with another
    number of workers.

    Args:
        dataset (SemiPoseDataset): The dataset.
        key (str): Its config key.

    Raises:
        RunError: If an item differs; it names the transform, if that can be
            found.
    """
    for index in range(min(_ITEMS, len(dataset))):
        if same(dataset[index], dataset[index]):
            continue
        where = f'{key}: a transform'
        for name in ('labeled', 'unlabeled'):
            part = getattr(dataset, name)
            found = part and _find_transform(part, index % len(part))
            if found:
                where = f'{key}.{name}.pipeline: {found}'
                break
        raise RunError(
            f'{where} makes another sample of the same one each time, as with '
            'a random state of its own. Runs could not be repeated, resumed '
            'or compared: draw from the global generators of random, numpy '
            'or torch, which are seeded for each item, give it a method '
            'set_random_seed(seed), or leave the transform out')


def same(one: Any, other: Any) -> bool:
    """Whether two items are equal in every value.

    Args:
        one (Any): Dicts, lists, tensors, arrays, data elements, others.
        other (Any): The same.

    Returns:
        bool: Whether they are; nan equals nan.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, BaseDataElement):
        one, other = dict(one.all_items()), dict(other.all_items())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (torch.Tensor, np.ndarray)):
        one, other = np.asarray(one), np.asarray(other)
        return one.shape == other.shape and one.tobytes() == other.tobytes()
    # objects of no known kind may compare by identity
    return one == other or one != one or \
        type(one).__eq__ is object.__eq__


def _find_transform(dataset: Any, index: int) -> Optional[str]:
    """The first transform whose output differs."""
    try:
        with undisturbed():
            runs = [_trace(dataset, index) for _ in range(2)]
    except Exception:  # combinations, say, have no data to begin with
        return None
    for transform, one, other in zip(dataset.pipeline.transforms, *runs):
        if not same(one, other):
            return stock_name(transform)
    return None


def _trace(dataset: Any, index: int) -> List[Dict[str, Any]]:
    """What a sample is after each transform, from the same seed."""
    seed_globals(0)
    results = dict(dataset.get_data_info(index), dataset=dataset)
    steps = []
    for transform in dataset.pipeline.transforms:
        results = transform(results)
        steps.append({
            key: np.array(value)
            for key, value in results.items()
            if isinstance(value, (np.ndarray, float, int, str))
        })
    return steps
