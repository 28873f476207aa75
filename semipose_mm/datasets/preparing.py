# Copyright (c) semipose_mm authors.
"""Running a dataset's pipeline without needless copies."""
import pickle
from typing import Any, Tuple
from weakref import WeakKeyDictionary

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
    cannot be shared.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset.
        index (int): Index of the sample.

    Returns:
        Any: What the pipeline returns.
    """
    if not _is_stock(dataset):
        return dataset.prepare_data(index)
    info = super(BaseCocoStyleDataset, dataset).get_data_info(index)
    meta = copied_meta(dataset)
    if meta.keys() & info.keys():
        return dataset.prepare_data(index)  # has the words for it
    info.update(meta, dataset=dataset)
    return dataset.pipeline(info)


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
