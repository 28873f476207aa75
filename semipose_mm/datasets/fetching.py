# Copyright (c) semipose_mm authors.
"""A sample from an item's own seed, and a clear word where there is none."""
from typing import Any, NamedTuple, Optional, Tuple

from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset

from ..data_files.images import ImageFault, image_fault
from .images.bad_images import BadImageError, BadImages
from .preparing import prepare_data
from .seeding import seed_globals, stream
from .transforms.lean_loading import LeanLoadImage, reads_local_images

# Behind the attempts 0, 1, ... of a part of an item, out of their way.
REFETCH = 1 << 30


class Source(NamedTuple):
    """Where a sample comes from.

    Args:
        path (str, optional): Its image, if the dataset tells.
        loader (LoadImageFromFile, optional): What reads the image, unless
            that is a transform of the user's own.
    """

    path: Optional[str] = None
    loader: Optional[LoadImageFromFile] = None


def find_loader(dataset: Any) -> Optional[LoadImageFromFile]:
    """Find the loader of images in a dataset's own pipeline.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset.

    Returns:
        LoadImageFromFile, optional: The first one.
    """
    transforms = getattr(dataset.pipeline, 'transforms', ())
    return next((t for t in transforms if isinstance(t, LoadImageFromFile)),
                None)


def find_source(dataset: Any, index: int) -> Source:
    """Find the image of a sample without running the pipeline.

    Drawing from a resampling combination takes the same variates as its
    ``prepare_data``, so that the same seed gives the same image.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset.
        index (int): Index of the sample.

    Returns:
        Source: The source.
    """
    loader = None
    while True:
        loader = loader or find_loader(dataset)
        if not hasattr(dataset, '_get_subset_index'):
            break
        subset, index = dataset._get_subset_index(index)
        dataset = dataset.datasets[subset]
    if isinstance(dataset, BaseDataset):
        # the override of MMPose copies the meta information as well
        info = BaseDataset.get_data_info(dataset, index)
    else:
        info = dataset.get_data_info(index)
    return Source(info.get('img_path'), loader)


def file_fault(source: Source) -> Optional[str]:
    """Check a local image that MMCV will read and decode.

    Args:
        source (Source): Where the sample comes from.

    Returns:
        str, optional: What is wrong with the file.
    """
    path, loader = source
    if (path is None or loader is None or '://' in path
            or not reads_local_images(loader)):
        return None
    return image_fault(path)


def loading_fault(source: Source) -> Optional[str]:
    """Find out whether it is the loading that fails in a pipeline.

    Args:
        source (Source): Where the sample comes from.

    Returns:
        str, optional: What is wrong with the image. None if it loads.
    """
    if source.path is None or source.loader is None:
        return None
    try:
        # not `transform`, which some loaders wrap
        source.loader(dict(img_path=source.path))
    except Exception as error:
        text = ' '.join(str(error).split())
        return f'cannot be loaded: {text or type(error).__name__}'
    return None


def fetch(dataset: Any, key: str, index: int, seed: int, part: int,
          bad_images: Optional[BadImages]) -> dict:
    """Get a sample from the item's own seed.

    Where the pipeline returns None, or the image cannot be used, another
    index takes its place. The global generators are left in any state.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset.
        key (str): Its config key.
        index (int): Index of the sample.
        seed (int): Seed of the item.
        part (int): Number of the part in the item.
        bad_images (BadImages, optional): Counts images that cannot be used.
            If None, there must not be any.

    Returns:
        dict: What the pipeline returns.

    Raises:
        BadImageError: If an image cannot be used, or too many cannot.
        Exception: What the pipeline raises, with the sample named.
        RuntimeError: If no index gives a sample.
    """
    first, max_refetch = '', getattr(dataset, 'max_refetch', 1000)
    for attempt in range(max_refetch + 1):
        sample = _Sample(dataset, key, index, (seed, part, attempt))
        data, fault = sample.prepare(bad_images)
        if data is not None:
            return data
        path = sample.source.path
        if fault is not None and bad_images is None:
            raise BadImageError(f"{key}: '{path}' (sample {index}) {fault}")
        first = first or (f"{key}: '{path}' {fault}"
                          if fault else f'the pipeline of {key} gives None '
                          f"for sample {index} ('{path}')")
        index = int(
            stream(seed, part, attempt, REFETCH).integers(len(dataset)))
    raise RuntimeError(f'{first}, and {max_refetch} others in its place give '
                       'no sample either; check its images and transforms')


class _Sample:
    """A sample of a dataset, and its seed.

    Args:
        dataset (BaseDataset | CombinedDataset): The dataset.
        key (str): Its config key.
        index (int): Index of the sample.
        path (tuple[int, ...]): Seed and path of its stream.
    """

    def __init__(self, dataset: Any, key: str, index: int,
                 path: Tuple[int, ...]) -> None:
        self.dataset = dataset
        self.key = key
        self.index = index
        self.path = path
        self._source: Optional[Source] = None

    @property
    def source(self) -> Source:
        """Source: Where the sample comes from."""
        if self._source is None:
            seed_globals(*self.path)
            self._source = find_source(self.dataset, self.index)
        return self._source

    def prepare(
        self, bad_images: Optional[BadImages]
    ) -> Tuple[Optional[dict], Optional[str]]:
        """Run the pipeline.

        Args:
            bad_images (BadImages, optional): Learns what is wrong.

        Returns:
            tuple[dict, str]: What the pipeline returns, and what is wrong
            with the image; None where there is nothing.
        """
        fault = self._known_fault(bad_images)
        if fault is not None:
            return None, fault
        seed_globals(*self.path)
        try:
            # `__getitem__` would refetch by itself, by the global state
            return prepare_data(self.dataset, self.index), None
        except ImageFault as error:
            self._source = self.source._replace(path=error.path)
            fault = error.reason
        except Exception as error:
            fault = loading_fault(self.source)
            if fault is None:
                raise _named(error, self.key, self.index,
                             self.source.path) from error
        if bad_images is not None:
            bad_images.add(self.source.path, fault)
        return None, fault

    def _known_fault(self, bad_images: Optional[BadImages]) -> Optional[str]:
        """What can be told without running the pipeline."""
        fault = None
        # where nothing is known, the source need not be found
        if bad_images is not None and len(bad_images):
            fault = bad_images.reason(self.source.path)
        # this loader judges the file when it reads it
        if fault is None and not isinstance(
                find_loader(self.dataset), LeanLoadImage):
            fault = file_fault(self.source)
            if fault is not None and bad_images is not None:
                bad_images.add(self.source.path, fault)
        return fault


def _named(error: Exception, key: str, index: int,
           path: Optional[str]) -> Exception:
    """Make the exception of a pipeline that names the sample."""
    message = (f"the pipeline of {key} fails for sample {index} ('{path}'): "
               f'{type(error).__name__}: {error}')
    # a loader takes StopIteration for its end
    if not isinstance(error, StopIteration):
        try:
            return type(error)(message)
        except Exception:  # kinds that are made of more than a message
            pass
    return RuntimeError(message)
