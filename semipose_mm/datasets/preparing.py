# Copyright (c) semipose_mm authors.
"""Running a dataset's pipeline without needless copies."""
import pickle
from typing import Any, Iterable, Tuple
from weakref import WeakKeyDictionary

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

# The meta information that MMPose puts into every sample.
META_KEYS = ('dataset_name', 'upper_body_ids', 'lower_body_ids', 'flip_pairs',
             'dataset_keypoint_weights', 'flip_indices', 'skeleton_links')

# what each dataset has of it, pickled, and what it was pickled from
_pickled: 'WeakKeyDictionary[Any, Tuple[bytes, dict]]' = WeakKeyDictionary()


def prepare_data(dataset: Any, index: int) -> Any:
    """Do what a dataset's own ``prepare_data`` does.

    MMPose's copies meta information deeply for each sample, which takes
    longer than to unpickle it. Transforms may change it in place, so that it
    cannot be shared. Transforms with random states of their own, as those of
    albumentations, are seeded from the global one.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset.
        index (int): Index of the sample.

    Returns:
        Any: What the pipeline returns.
    """
    for part in (dataset, *getattr(dataset, 'datasets', ())):
        _seed_own_states(getattr(part.pipeline, 'transforms', ()))
    if not _is_stock(dataset):
        return dataset.prepare_data(index)
    info = super(BaseCocoStyleDataset, dataset).get_data_info(index)
    meta = copied_meta(dataset)
    if meta.keys() & info.keys():
        return dataset.prepare_data(index)  # has the words for it
    info.update(meta, dataset=dataset)
    return dataset.pipeline(info)


def _seed_own_states(transforms: Iterable[Any]) -> None:
    """Seed what has ``set_random_seed``, itself or in ``aug``."""
    for transform in transforms:
        for owner in (transform, getattr(transform, 'aug', None)):
            if hasattr(owner, 'set_random_seed'):
                owner.set_random_seed(int(np.random.randint(1 << 31)))
        # such as RandomApply
        _seed_own_states(getattr(transform, 'transforms', ()))


def copied_meta(dataset: Any) -> dict:
    """Get a deep copy of the meta information that samples carry.

    Args:
        dataset (BaseDataset): Its ``_metainfo`` is not changed in place.

    Returns:
        dict: The entries of :data:`META_KEYS`.
    """
    pickled, source = _pickled.get(dataset, (None, None))
    if source is not dataset._metainfo:
        source = dataset._metainfo
        pickled = pickle.dumps({key: source[key] for key in META_KEYS})
        _pickled[dataset] = pickled, source
    return pickle.loads(pickled)


def _is_stock(dataset: Any) -> bool:
    """Whether samples are made by the methods of MMPose's base class."""
    return isinstance(dataset, BaseCocoStyleDataset) and all(
        getattr(getattr(dataset, name), '__func__', None) is getattr(
            BaseCocoStyleDataset, name)
        for name in ('prepare_data', 'get_data_info'))
