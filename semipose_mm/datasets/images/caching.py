# Copyright (c) semipose_mm authors.
"""Which labeled images are held in memory, and who looks there."""
import multiprocessing
from typing import Any, Dict, Iterator, Optional, Tuple

from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from torch.utils.data import get_worker_info

from ...data_files.images import image_size
from ..fetching import find_loader
from ..transforms.lean_loading import LeanLoadImage
from .image_cache import CHANNELS, ImageCache

MIB = 1 << 20


def hold_images(dataset: Any, key: str, limit: int,
                limit_key: str) -> Optional[ImageCache]:
    """Make room for the decoded images of a dataset, if they are few.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset, fully
            initialized.
        key (str): Its config key.
        limit (int): The largest size in MiB.
        limit_key (str): Config key of the limit.

    Returns:
        ImageCache, optional: What its loaders fill. None if there is no
        room, or no loader whose pixels are known.
    """
    sizes, why = None, f'{limit_key}={limit}'
    if limit and 'fork' not in multiprocessing.get_all_start_methods():
        why = 'this system has no fork, by which workers share them'
    elif limit and get_worker_info() is not None:
        why = 'a worker, which would share none, read the labels'
    elif limit:
        sizes = _find_sizes(dataset, limit * MIB)
        why += ' and they need more'
    if sizes is None:
        print_log(
            f'{key}: images are decoded anew for each sample, as {why}',
            logger='current')
        return None
    if not sizes:
        return None
    cache = ImageCache(sizes)
    print_log(
        f'{key}: {len(cache)} images are held in memory once they are '
        f'decoded, {cache.num_bytes / MIB:.1f} MiB for all workers '
        f'({limit_key}={limit})',
        logger='current')
    attach(dataset, cache)
    return cache


def attach(dataset: Any, cache: ImageCache) -> None:
    """Let the loaders of a dataset use a cache.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset.
        cache (ImageCache): The cache.
    """
    for _, loader in _loaded(dataset):
        if _can_cache(loader):
            loader.cache = cache


def _loaded(
    dataset: Any,
    loader: Optional[LoadImageFromFile] = None
) -> Iterator[Tuple[Any, Optional[LoadImageFromFile]]]:
    """The datasets of a combination, each with what loads its images."""
    loader = loader or find_loader(dataset)
    if not hasattr(dataset, 'datasets'):
        yield dataset, loader
    for part in getattr(dataset, 'datasets', ()):
        yield from _loaded(part, loader)


def _can_cache(loader: Optional[LoadImageFromFile]) -> bool:
    """Whether it is known which pixels a loader gives."""
    return isinstance(loader, LeanLoadImage) and loader.can_cache


def _find_sizes(dataset: Any,
                limit: int) -> Optional[Dict[str, Tuple[int, int]]]:
    """Width and height of the images by file; None beyond the limit."""
    sizes, needed = {}, 0
    for part, loader in _loaded(dataset):
        if not _can_cache(loader) or not isinstance(part, BaseDataset):
            continue
        for index in range(len(part)):
            # the override of MMPose copies the meta information as well
            path = BaseDataset.get_data_info(part, index).get('img_path')
            if not isinstance(path, str) or path in sizes or '://' in path:
                continue
            try:
                width, height = image_size(path)
            except Exception:  # whoever uses it will say so
                continue
            needed += width * height * CHANNELS + 1
            if needed > limit:
                return None
            sizes[path] = width, height
    return sizes
