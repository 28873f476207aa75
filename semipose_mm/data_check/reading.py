# Copyright (c) semipose_mm authors.
"""The files of a part, read by those readers that its dataset asks."""
import os.path as osp
from typing import Any, Dict, List, Sequence

import numpy as np

from semipose_mm.data_files import Findings
from semipose_mm.data_files.box_fit import check_boxes
from semipose_mm.data_files.boxes import load_boxes, read_detections
from semipose_mm.data_files.images import name_on_disk, read_images
from semipose_mm.data_files.labels import Labels, labels_of, read_mpii
from semipose_mm.data_files.text import read_json
from semipose_mm.datasets.reading.box_index import BoxIndex
from semipose_mm.datasets.reading.reports import describe_left_out
from semipose_mm.datasets.reading.unlabeled import Source, read_source
from .keypoints import check_categories, names_of
from .parts import COCO, MPII, OTHER, UNLABELED, Part, reason
from .report import Section

_UNKNOWN = (np.nan, np.nan)


class Files:
    """Json files, each read once."""

    def __init__(self) -> None:
        self._contents: Dict[str, Any] = {}

    def content(self, path: str, key: str, findings: Findings) -> Any:
        """Read a file.

        Args:
            path (str): The file.
            key (str): The config key that names it.
            findings (Findings): Learns what is wrong.

        Returns:
            Any: Its content, whose entries may be changed; None if it cannot
            be read.
        """
        real = osp.realpath(path)
        if real not in self._contents:
            content = read_json(path, key, findings)
            if content is None:
                return None
            self._contents[real] = content
        content = self._contents[real]
        if not isinstance(content, dict):
            return content
        return {
            name:
            [dict(one) if isinstance(one, dict) else one
             for one in value] if isinstance(value, list) else value
            for name, value in content.items()
        }


def read_part(part: Part, files: Files) -> List[str]:
    """Read a part into its section, with what is wrong in it.

    Args:
        part (Part): The part; its boxes and their images' sizes are set.
        files (Files): The files.

    Returns:
        list[str]: Paths of images that are listed and not used.
    """
    readers = {
        COCO: _read_labeled,
        MPII: _read_labeled,
        UNLABELED: _read_unlabeled,
        OTHER: _read_other
    }
    listed = readers[part.reader](part, files)
    return [path for path in listed if path not in part.section.paths]


def _paths(part: Part, images: dict) -> Dict[Any, str]:
    """The path of each image by its id."""
    return {
        key: osp.normpath(
            osp.join(part.folder, name_on_disk(image.name, part.folder)))
        for key, image in images.items()
    }


def _read_labeled(part: Part, files: Files) -> Sequence[str]:
    """Read labels, or the detections that stand in for them."""
    section, path = part.section, part.ann_file
    key, names = f'{part.key}.ann_file', names_of(part.metainfo)
    where = f"{key} '{path}'"
    if not path:
        section.error('ann_file', key, 'is missing')
        return []
    if part.reader == MPII:
        labels = read_mpii(path, key, section)
        if labels.entries and labels.num_joints != len(names):
            section.error('keypoints', where, f'has {labels.num_joints} '
                          f'joints, but the metainfo has {len(names)}')
            return []
    else:
        labels = labels_of(
            files.content(path, key, section), where, section, len(names))
        check_categories(labels, names, section)
    paths = _paths(part, labels.images)
    section.images = len(labels.images)
    if part.bbox_file:
        _use_detections(part, labels, paths)
    elif labels.total or labels.images:
        _use_labels(part, labels, paths)
    if part.cfg.get('headbox_file'):
        check_headboxes(part.dataset.headbox_file, labels.total, section)
    return list(paths.values())


def _use_labels(part: Part, labels: Labels, paths: Dict[Any, str]) -> None:
    """Choose the labels that are used, and look at them together."""
    section, usable = part.section, labels.used()
    left_out, images = labels.left_out(), labels.images
    step = getattr(part.dataset, 'sample_interval', 1)
    if part.reader == COCO and step > 1:
        usable = [one for one in usable if one.image_id % step == 0]
    used = _choose(usable, part)
    section.instances, section.used = labels.total, len(used)
    left_out['by indices or sample_interval'] = (
        labels.total - len(used) - sum(left_out.values()))
    section.paths = {
        paths[one.image_id]: images[one.image_id].size
        for one in used
    }
    if not used:
        section.error(
            'nothing used', part.key, f'uses none of its {labels.total} '
            f"annotations from '{part.ann_file}'"
            f'{describe_left_out(left_out)}: a label needs a box inside its '
            'image, iscrowd 0 and a labeled joint')
        return
    _say_used(section, 'annotations', left_out)
    part.boxes = np.array([one.box for one in used], float)
    part.sizes = np.array(
        [images[one.image_id].size or _UNKNOWN for one in used], float)
    joints = np.reshape([one.keypoints for one in used],
                        (len(used), -1, 3)).astype(float)
    labeled, points = joints[..., 2] > 0, joints[..., :2]
    section.joints = int(labeled.sum())
    section.ok(f'{section.joints:,} labeled joints, '
               f'{section.joints / len(used):.1f} an instance, '
               f'{100 * labeled.mean():.0f} % of the keypoints')
    check_boxes(part.boxes, joints, part.sizes, labels.where, section)
    outside = labeled & ((points < 0) |
                         (points > part.sizes[:, None])).any(2)
    for mask, what in ((outside.any(1), 'has labeled joints outside of its '
                        'image'), (_beyond(part), 'has a box that reaches '
                                   'over the edge and is clipped')):
        for index in np.flatnonzero(mask):
            section.note(
                what, f'{labels.where}, annotations[{used[index].index}]',
                what)


def _beyond(part: Part) -> np.ndarray:
    """Which boxes leave their image by more than rounding."""
    low, high = part.boxes[:, :2], part.boxes[:, :2] + part.boxes[:, 2:]
    return ((low < -0.01) | (high > part.sizes + 0.01)).any(1)


def _use_detections(part: Part, labels: Labels, paths: Dict[Any,
                                                            str]) -> None:
    """Read detections that are evaluated in place of labeled boxes."""
    section, images = part.section, list(labels.images)
    key = f'{part.key}.bbox_file'
    # MMPose takes those of category 1 alone
    boxes = read_detections(part.bbox_file, key, labels.images, section, [1])
    rows = np.array(_choose(range(len(boxes.entries)), part), int)
    left_out = dict(boxes.left_out, **{
        'by indices': len(boxes.entries) - len(rows)})
    section.used = len(rows)
    section.instances = len(rows) + sum(left_out.values())
    section.paths = {
        paths[images[i]]: labels.images[images[i]].size
        for i in boxes.images[rows]
    }
    if not len(rows):
        section.error('nothing used', f"{key} '{part.bbox_file}'",
                      f'has no usable box{describe_left_out(left_out)}')
        return
    _say_used(section, 'detections', left_out)
    part.boxes = boxes.xywh[rows]
    part.sizes = np.array([
        labels.images[images[i]].size or _UNKNOWN for i in boxes.images[rows]
    ], float)
    check_boxes(part.boxes, None, part.sizes, f"{key} '{part.bbox_file}'",
                section)
    _say_scores(section, boxes.scores[rows])


def _read_unlabeled(part: Part, files: Files) -> Sequence[str]:
    """Read boxes or images without labels."""
    section, dataset = part.section, part.dataset
    own = ('category_ids', 'keypoints_only', 'without_labels', 'score_thr',
           'max_per_image')
    source = Source(part.ann_file, part.bbox_file, part.folder, part.roots,
                    *(getattr(dataset, name) for name in own))
    if source.whole_images:
        _ask(dataset._refuse_box_options, part)
    index, left_out = read_source(source, section)
    total = len(index) + sum(left_out.values())
    section.instances = total
    section.images = total if source.whole_images else len(index.sizes)
    if not len(index):
        section.error(
            'nothing used', part.key, 'found no instance in '
            f"'{part.bbox_file or part.ann_file or part.folder}'"
            f'{describe_left_out(left_out)}', advice='Check ann_file, '
            'bbox_file, data_prefix, category_ids and score_thr')
        return []
    _ask(lambda: dataset._check_indices(len(index)), part)
    used = index.take(_choose(range(len(index)), part))
    left_out = dict(left_out, **{'by indices': len(index) - len(used)})
    section.used = len(used)
    known = [None if size[0] != size[0] else tuple(size)
             for size in index.sizes.tolist()]
    if source.whole_images:
        known = [None] * len(index)  # sizes are the images' own
    section.paths = {
        osp.normpath(index.paths.get(i)): known[i]
        for i in np.unique(used.images).tolist()
    }
    _say_used(section, 'whole images' if source.whole_images else 'boxes',
              left_out)
    sides = index.boxes[:, 2:] - index.boxes[:, :2]
    part.boxes = np.hstack((index.boxes[:, :2], sides))
    part.sizes = index.sizes[index.images]
    if not source.whole_images:
        _check_raw(part, index, files)
        _say_scores(section, used.scores)
    bare = len(index.sizes) - len(section.paths)
    if bare:
        section.note('bare', f'of {len(index.sizes):,} listed images',
                     f'{bare:,} have no used box')
    return [osp.normpath(index.paths.get(i)) for i in range(len(index.sizes))]


def _check_raw(part: Part, index: BoxIndex, files: Files) -> None:
    """Judge boxes as the file has them, before they are clipped."""
    quiet = Findings(strict=False)
    if part.dataset.without_labels:
        return  # whole images are among them
    where = f"bbox_file '{part.bbox_file}'"
    if part.bbox_file:
        entries = load_boxes(part.bbox_file, 'bbox_file', quiet)
    else:
        where = f"ann_file '{part.ann_file}'"
        entries = files.content(part.ann_file, '', quiet)['annotations']
    boxes = np.array([entries[i]['bbox'] for i in index.entries], float)
    check_boxes(boxes, None, part.sizes, where, part.section)


def _read_other(part: Part, files: Files) -> Sequence[str]:
    """Read the images alone of a format of its own."""
    section, key = part.section, f'{part.key}.ann_file'
    if not part.ann_file.endswith('.json'):
        if osp.exists(part.ann_file):
            section.note('format', f"{key} '{part.ann_file}'", 'is not read, '
                         'as its format is not known here')
        else:
            section.error('file', f"{key} '{part.ann_file}'", 'does not exist')
        return []
    section.note('format', part.key, 'reads instances in a way that is not '
                 'known here; its images alone are checked')
    content = files.content(part.ann_file, key, section)
    images = read_images(content, f"{key} '{part.ann_file}'", '', section)
    paths = _paths(part, images)
    section.images = len(images)
    section.paths = {paths[key]: images[key].size for key in images}
    return []


def _choose(usable: Sequence, part: Part) -> List[Any]:
    """Choose as the ``indices`` of a dataset do."""
    indices = part.cfg.get('indices')
    if indices is None:
        return list(usable)
    if isinstance(indices, int):
        used = list(usable[:indices] if indices > 0 else usable[indices:])
        wanted = abs(indices)
    else:
        used = [usable[i] for i in indices if -len(usable) <= i < len(usable)]
        wanted = len(indices)
    if wanted > len(used):
        part.section.warn('indices', f'{part.key}.indices', f'asks for '
                          f'{wanted:,} instances, but there are '
                          f'{len(usable):,}')
    return used


def _ask(check: Any, part: Part) -> None:
    """Let a dataset refuse its options."""
    try:
        check()
    except ValueError as error:
        part.section.error('options', f'{part.key}:', reason(error))


def _say_used(section: Section, what: str, left_out: Dict[str, int]) -> None:
    """Say how many are used, so that numbers add up."""
    section.ok(f'{section.used:,} of {section.instances:,} {what} on '
               f'{len(section.paths):,} images are used'
               f'{describe_left_out(left_out)}')


def _say_scores(section: Section, scores: np.ndarray) -> None:
    """Say how scores spread; those of annotations are 1."""
    if not len(scores) or (scores == 1).all():
        return
    low, *quarters, top = np.percentile(scores, (0, 25, 50, 75, 100))
    section.ok(f'scores of {len(scores):,} boxes: least {low:.3f}, quartiles '
               f'{" ".join(f"{q:.3f}" for q in quarters)}, greatest {top:.3f}')
    if low < 0 or top > 1:
        section.warn('scores', 'bbox_file', 'has scores outside of 0 to 1')


def check_headboxes(path: str, count: int, section: Section) -> None:
    """Check MPII's head boxes.

    Args:
        path (str): The .mat file.
        count (int): Number of annotations.
        section (Section): Learns what is wrong.
    """
    from scipy.io import loadmat
    try:
        shape = loadmat(path)['headboxes_src'].shape
    except Exception as error:  # not a file of that kind
        section.error('headboxes', f"headbox_file '{path}'",
                      f'cannot be read: {reason(error)}')
        return
    if len(shape) != 3 or shape[2] != count:
        section.error('headboxes', f"headbox_file '{path}'",
                      f'has headboxes_src of shape {shape}',
                      allowed=f'(2, 2, {count}) for the annotations')
    else:
        section.ok(f'{count:,} head boxes')



