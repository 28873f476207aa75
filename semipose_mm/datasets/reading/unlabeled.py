# Copyright (c) semipose_mm authors.
"""A source of unlabeled boxes is read, clipped and sorted out."""
from typing import Any, Dict, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from ...data_files import Findings
from ...data_files.box_fit import check_boxes
from ...data_files.boxes import (Boxes, load_boxes, read_annotations,
                                 read_detections)
from ...data_files.images import (Image, find_size, image_fault,
                                  read_image_list, read_images)
from ...data_files.labels import labeled_images
from ...data_files.text import entries_of, no_collecting
from .box_index import BoxIndex, Reading


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
        without_labels (bool): See the dataset.
        score_thr (float): See the dataset.
        max_per_image (int, optional): See the dataset.
    """

    ann_file: str
    bbox_file: str
    folder: str
    roots: Tuple[str, ...]
    category_ids: Optional[Sequence[int]] = None
    keypoints_only: bool = False
    without_labels: bool = False
    score_thr: float = 0.
    max_per_image: Optional[int] = None

    @property
    def whole_images(self) -> bool:
        """bool: Whether the boxes are the images."""
        return not self.ann_file or self.ann_file.lower().endswith('.txt')


@no_collecting()
def read_source(source: Source, findings: Findings) -> Reading:
    """Read boxes from their files.

    Args:
        source (Source): Where they come from.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        Reading: The boxes.
    """
    path, key = source.ann_file, 'ann_file'
    if source.whole_images:
        return _read_whole(
            read_image_list(path, key, source.folder, findings, source.roots),
            not path, findings)
    where = judged = f"{key} '{path}'"
    content = load_boxes(path, key, findings)
    images = read_images(content, where, source.folder, findings, source.roots)
    if source.bbox_file:
        categories = isinstance(content, dict) and content.get('categories')
        del content
        path, key = source.bbox_file, 'bbox_file'
        judged = f"{key} '{path}'"
        boxes = read_detections(
            load_boxes(path, key, findings), judged, images, findings,
            source.category_ids, categories)
        outside = 'outside their image'
    else:
        boxes = read_annotations(content, where, images, findings,
                                 source.category_ids, source.keypoints_only,
                                 source.without_labels)
        outside = 'of no size'
        if source.without_labels:
            entries = entries_of(content, 'annotations', where,
                                 Findings(strict=False))
            boxes = _add_whole(boxes, images,
                               labeled_images(one for _, one in entries),
                               where, findings)
    return _select(boxes, images, outside, source, judged, findings)


def _read_whole(images: Dict[Any, Image], searched: bool,
                findings: Findings) -> Reading:
    """Take whole images as boxes; those of a folder may be damaged."""
    paths, ids, sizes, left_out = [], [], [], 0
    for key, image in images.items():
        fault = image_fault(image.path) if searched else None
        if fault is None:
            paths.append(image.path)
            ids.append(key)
            sizes.append(find_size(image, findings))
        else:
            left_out += 1
            findings.warn('image', f"'{image.path}'",
                          f'{fault}, so that it is left out')
    sizes = np.reshape(sizes, (-1, 2)).astype(float)
    index = BoxIndex.build(paths, ids, np.arange(len(paths)), ids,
                           np.concatenate((np.zeros_like(sizes), sizes), 1),
                           np.ones(len(paths)), sizes)
    return Reading(index, {'that cannot be read': left_out})


def _add_whole(boxes: Boxes, images: Dict[Any, Image], labeled: Set[Any],
               where: str, findings: Findings) -> Boxes:
    """Add the images that have neither labels nor boxes as a whole."""
    boxed = set(boxes.images.tolist())
    bare = [
        image for key, image in images.items()
        if key not in labeled and image.number not in boxed
    ]
    sizes = [image.size or find_size(image, findings) for image in bare]
    if bare:
        findings.note(
            'whole images', where, f'has {len(bare):,} images without labels '
            'and boxes, which are taken as a whole')
    numbers = [image.number for image in bare]
    xywh = np.zeros((len(bare), 4))
    xywh[:, 2:] = np.reshape(sizes, (-1, 2))
    return Boxes(
        np.concatenate((boxes.images, numbers)).astype(int),
        np.concatenate((boxes.entries, numbers)).astype(int),
        np.concatenate((boxes.xywh, xywh)),
        np.concatenate((boxes.scores, np.ones(len(bare)))), boxes.left_out)


def _select(boxes: Boxes, images: Dict[Any, Image], outside: str,
            source: Source, where: str, findings: Findings) -> Reading:
    """Clip boxes and keep those with a high score, in the file's order."""
    owners, scores = boxes.images, boxes.scores
    corners = np.concatenate(
        (boxes.xywh[:, :2], boxes.xywh[:, :2] + boxes.xywh[:, 2:]), 1)
    sizes = np.array(
        [image.size or (np.nan, np.nan) for image in images.values()],
        float).reshape(-1, 2)
    # The last pixel's index is the limit, as in MMPose's labeled boxes.
    limits = np.where(np.isnan(sizes), np.inf, sizes - 1)[owners]
    least = np.where(np.isinf(limits[:, 0]), -np.inf, 0)
    for side in range(4):
        corners[:, side] = np.minimum(
            np.maximum(corners[:, side], least), limits[:, side % 2])

    kept = np.flatnonzero((corners[:, :2] < corners[:, 2:]).all(1))
    left_out = dict(boxes.left_out)
    left_out[outside] = len(corners) - len(kept)
    good = kept[scores[kept] >= source.score_thr]
    left_out['below score_thr'] = len(kept) - len(good)
    kept = good
    if source.max_per_image is not None:
        # stable: equal scores stay in the file's order
        order = kept[np.lexsort((-scores[kept], owners[kept]))]
        _, first, counts = np.unique(
            owners[order], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(first, counts)
        best = np.sort(order[rank < source.max_per_image])
        left_out['beyond max_per_image'] = len(kept) - len(best)
        kept = best
    # as the file has them; whole images are among those without labels
    if not source.without_labels:
        check_boxes(boxes.xywh[kept], None, sizes[owners[kept]], where,
                    findings)
    index = BoxIndex.build([image.path for image in images.values()],
                           list(images), owners[kept], boxes.entries[kept],
                           corners[kept], scores[kept], sizes)
    return Reading(index, left_out)
