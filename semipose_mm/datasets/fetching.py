# Copyright (c) semipose_mm authors.
"""A sample from an item's own seed, and a clear word where there is none."""
from typing import Any, NamedTuple, Optional, Tuple

from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset

from .bad_images import BadImageError, BadImages
from .image_check import image_fault
from .seeding import seeded, stream

# Behind the attempts 0, 1, ... of a part of an item, out of their way.
REFETCH = 1 << 30

DECODERS = ('cv2', 'pillow', 'turbojpeg')


class Source(NamedTuple):
    """Where a sample comes from.

    Args:
        path (str, optional): Its image, if the dataset tells.
        loader (LoadImageFromFile, optional): What reads the image, unless
            that is a transform of the user's own.
    """

    path: Optional[str] = None
    loader: Optional[LoadImageFromFile] = None


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
        transforms = getattr(dataset.pipeline, 'transforms', ())
        loader = loader or next(
            (t for t in transforms if isinstance(t, LoadImageFromFile)), None)
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
            or loader.imdecode_backend not in DECODERS):
        return None
    backends = [
        args.get('backend', 'local')
        for args in (loader.backend_args, loader.file_client_args)
        if args is not None
    ]
    if any(backend not in ('local', 'disk') for backend in backends):
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
    index takes its place.

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
        with seeded(seed, part, attempt):
            source = find_source(dataset, index)
        fault = bad_images.reason(source.path) if bad_images else None
        if fault is None:
            with seeded(seed, part, attempt):
                data, fault = _prepare(dataset, key, index, source)
            if data is not None:
                return data
            if fault is not None and bad_images is None:
                raise BadImageError(
                    f"{key}: '{source.path}' (sample {index}) {fault}")
            if fault is not None:
                bad_images.add(source.path, fault)
        first = first or (f"{key}: '{source.path}' {fault}" if fault else
                          f'the pipeline of {key} gives None for sample '
                          f"{index} ('{source.path}')")
        index = int(
            stream(seed, part, attempt, REFETCH).integers(len(dataset)))
    raise RuntimeError(f'{first}, and {max_refetch} others in its place give '
                       'no sample either; check its images and transforms')


def _prepare(dataset: Any, key: str, index: int,
             source: Source) -> Tuple[Optional[dict], Optional[str]]:
    """Run the pipeline; what it returns, or what is wrong with the image."""
    fault = file_fault(source)
    if fault is not None:
        return None, fault
    try:
        # `__getitem__` would refetch by itself, by the global state
        return dataset.prepare_data(index), None
    except Exception as error:
        fault = loading_fault(source)
        if fault is None:
            raise _named(error, key, index, source.path) from error
        return None, fault


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
