# Copyright (c) semipose_mm authors.
"""A source of unlabeled boxes is read, unless it was read before."""
import os.path as osp
from typing import NamedTuple, Optional, Sequence, Tuple

from . import index_cache
from .box_index import Reading
from .image_files import name_images, read_whole_images
from .json_entries import no_collecting
from .unlabeled_sources import (load_boxes, read_annotations, read_detections,
                                read_images, select_boxes)


class Source(NamedTuple):
    """Where boxes come from, and which of them are used.

    Args:
        ann_file (str): See :class:`UnlabeledPoseDataset`.
        bbox_file (str): Empty for none.
        folder (str): The folder of the images.
        roots (tuple[str]): The folders that images must lie in; none allow
            any path.
        category_ids (Sequence[int], optional): See the dataset.
        keypoints_only (bool): See the dataset.
        score_thr (float): See the dataset.
        max_per_image (int, optional): See the dataset.
    """

    ann_file: str
    bbox_file: str
    folder: str
    roots: Tuple[str, ...]
    category_ids: Optional[Sequence[int]]
    keypoints_only: bool
    score_thr: float
    max_per_image: Optional[int]

    @property
    def whole_images(self) -> bool:
        """bool: Whether the boxes are the images."""
        return not self.ann_file or self.ann_file.endswith('.txt')


def read_source(source: Source) -> Reading:
    """Read boxes, or load what an earlier run has read from the same.

    Args:
        source (Source): Where they come from.

    Returns:
        Reading: The boxes.
    """
    if index_cache.cache_folder() is None:
        return _read(source)
    key = _find_key(source)
    reading = index_cache.load(key) if key else None
    if reading is None:
        reading = _read(source)
        # faults are to be seen again, and files may have changed meanwhile
        if key and not reading.faults and key == _find_key(source):
            index_cache.save(key, reading)
    return reading


def _find_key(source: Source) -> Optional[str]:
    """Name all that decides what is read."""
    options = source._asdict()
    # names are judged from the current folder
    options.update(
        folder=_absolute(source.folder),
        roots=[_absolute(root) for root in source.roots],
        ann_file=bool(source.ann_file),
        bbox_file=bool(source.bbox_file),
        written=source.folder)
    if not source.whole_images:
        files = filter(None, (source.ann_file, source.bbox_file))
        return index_cache.files_key(files, options)
    try:
        named = name_images(source.ann_file, source.folder)
    except (OSError, ValueError):
        return None  # reading says what is wrong
    paths = [osp.join(source.folder, name) for _, name in named]
    return index_cache.images_key(paths, options)


def _absolute(folder: str) -> str:
    return folder if '://' in folder else osp.abspath(folder)


@no_collecting()
def _read(source: Source) -> Reading:
    """Read boxes from their files."""
    path = source.ann_file
    if source.whole_images:
        return read_whole_images(path, source.folder, source.roots)
    content = load_boxes(path, 'ann_file')
    images = read_images(content, path, source.folder, source.roots)
    if source.bbox_file:
        del content
        columns, dropped = read_detections(source.bbox_file, images, path,
                                           source.category_ids)
        outside = 'outside their image'
    else:
        columns, dropped = read_annotations(content, path, images,
                                            source.category_ids,
                                            source.keypoints_only)
        outside = 'of no size'
    reading = select_boxes(columns, images, outside, source.score_thr,
                           source.max_per_image)
    return Reading(reading.index, dict(dropped, **reading.left_out))
