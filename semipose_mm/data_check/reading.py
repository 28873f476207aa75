# Copyright (c) semipose_mm authors.
"""The files of a part, read by those readers that its dataset asks."""
import os.path as osp
from typing import Any, Dict, Iterable, List, Sequence, Set

import numpy as np

from semipose_mm.data_files import Findings
from semipose_mm.data_files.box_fit import check_boxes
from semipose_mm.data_files.categories import names_by_id
from semipose_mm.data_files.evaluated_boxes import read_evaluated
from semipose_mm.data_files.images import name_on_disk, read_images
from semipose_mm.data_files.labels import Labels, labels_of, read_mpii
from semipose_mm.data_files.numbers import is_id
from semipose_mm.datasets.reading.unlabeled import Source, read_source
from .keypoints import check_categories
from .names import names_of
from .parts import COCO, MPII, OTHER, UNLABELED, Part
from .using import Files, ask, choose, record, say_scores

_UNKNOWN = (np.nan, np.nan)
#: Pixels by which a box may leave its image through rounding alone.
SLACK = 0.01


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
        key:
        osp.normpath(
            osp.join(part.folder, name_on_disk(image.name, part.folder)))
        for key, image in images.items()
    }


def _names(categories: Any, ids: Iterable) -> Set[str]:
    """Names of some categories of a file, as far as it has them."""
    if not isinstance(categories, list):
        return set()
    known = names_by_id(categories)
    return {
        known[key].casefold()
        for key in filter(is_id, ids) if key in known
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
            section.error(
                'keypoints', where, f'has {labels.num_joints} '
                f'joints, but the metainfo has {len(names)}')
            return []
    else:
        labels = labels_of(
            files.content(path, key, section), where, section, len(names))
        check_categories(labels, names, section)
    paths = _paths(part, labels.images)
    section.images = len(labels.images)
    if part.bbox_file:
        _use_detections(part, labels, paths, files)
    elif labels.total or labels.images:
        _use_labels(part, labels, paths)
    return list(paths.values())


def _use_labels(part: Part, labels: Labels, paths: Dict[Any, str]) -> None:
    """Choose the labels that are used, and look at them together."""
    section, usable, images = part.section, labels.used(), labels.images
    step = getattr(part.dataset, 'sample_interval', 1)
    if part.reader == COCO and step > 1:
        usable = [one for one in usable if one.image_id % step == 0]
    used = choose(usable, part)
    known = {paths[one.image_id]: images[one.image_id].size for one in used}
    advice = 'A label needs a box inside its image, iscrowd 0 and a joint'
    if not record(part, 'annotations', labels.total, len(used),
                  labels.left_out(), known, advice):
        return
    part.categories = _names(labels.categories,
                             [one.category_id for one in used])
    part.boxes, joints, part.sizes = labels.arrays(used)
    labeled, points = joints[..., 2] > 0, joints[..., :2]
    section.joints = int(labeled.sum())
    section.ok(f'{section.joints:,} labeled joints, '
               f'{section.joints / len(used):.1f} an instance, '
               f'{100 * labeled.mean():.0f} % of the keypoints')
    if part.reader == COCO:  # MPII has no boxes, but centers and scales
        check_boxes(part.boxes, joints, part.sizes, labels.where, section)
    outside = (points < 0) | (points > part.sizes[:, None])
    ends = part.boxes[:, :2] + part.boxes[:, 2:]
    beyond = (part.boxes[:, :2] < -SLACK) | (ends > part.sizes + SLACK)
    for what, mask in (('labeled joints outside of its image',
                        (labeled & outside.any(2)).any(1)),
                       ('a box that reaches over the edge and is clipped',
                        beyond.any(1))):
        for i in np.flatnonzero(mask):
            section.note(what, f'{labels.where}, annotations[{used[i].index}]',
                         f'has {what}')


def _use_detections(part: Part, labels: Labels, paths: Dict[Any, str],
                    files: Files) -> None:
    """Read detections that are evaluated in place of labeled boxes."""
    section, path = part.section, part.bbox_file
    where = f'{part.key}.bbox_file'
    truth = files.content(part.ann_file, '', Findings(strict=False))
    boxes, categories = read_evaluated(truth, path, where, labels.images,
                                       section)
    rows = np.array(choose(range(len(boxes.entries)), part), int)
    images = list(labels.images.items())
    owners = [images[i] for i in boxes.images[rows]]
    if record(part, 'detections',
              len(boxes.entries) + sum(boxes.left_out.values()), len(rows),
              boxes.left_out, {
                  paths[key]: one.size
                  for key, one in owners
              }, 'Boxes of the labeled categories are evaluated'):
        part.categories = _names(labels.categories, categories)
        part.boxes = boxes.xywh[rows]
        part.sizes = np.array([one.size or _UNKNOWN for _, one in owners])
        say_scores(section, boxes.scores[rows])


def _read_unlabeled(part: Part, files: Files) -> Sequence[str]:
    """Read boxes or images without labels."""
    section, dataset = part.section, part.dataset
    own = ('category_ids', 'keypoints_only', 'without_labels', 'score_thr',
           'max_per_image')
    source = Source(part.ann_file, part.bbox_file, part.folder, part.roots,
                    *(getattr(dataset, name) for name in own))
    if source.whole_images:
        ask(dataset._refuse_box_options, part)
    index, left_out = read_source(source, section)
    if len(index):
        ask(lambda: dataset._check_indices(len(index)), part)
    used = index.take(choose(range(len(index)), part))
    sizes = index.sizes.tolist()
    if source.whole_images:  # whose sizes are those of their images
        listed = set(map(index.paths.get, range(len(sizes))))
        sizes = [[np.nan]] * len(sizes)
    else:
        quiet = Findings(strict=False)
        content = files.content(part.ann_file, '', quiet)
        listed = _paths(part, read_images(content, '', '', quiet)).values()
        if isinstance(content, dict):
            part.categories = _names(
                content.get('categories'), source.category_ids or ())
    section.images = len(listed)
    known = {
        osp.normpath(index.paths.get(i)):
        None if np.isnan(sizes[i][0]) else tuple(sizes[i])
        for i in np.unique(used.images).tolist()
    }
    if record(
            part, 'whole images' if source.whole_images else 'boxes',
            len(index) + sum(left_out.values()), len(used), left_out, known,
            'Check ann_file, bbox_file, data_prefix, category_ids and '
            'score_thr'):
        part.sizes = index.sizes[index.images]
        part.boxes = np.hstack(
            (index.boxes[:, :2], index.boxes[:, 2:] - index.boxes[:, :2]))
        if not source.whole_images:
            say_scores(section, used.scores)
    bare = len(listed) - len(section.paths)
    if bare > 0:
        section.note('bare', f'of {len(listed):,} listed images',
                     f'{bare:,} have no used box')
    return list(listed)


def _read_other(part: Part, files: Files) -> Sequence[str]:
    """Read the images alone of a format of its own."""
    section, key = part.section, f'{part.key}.ann_file'
    section.note(
        'format', part.key, 'has a format that is not known here; '
        'images of a .json file alone are checked')
    if not part.ann_file.endswith('.json') and osp.exists(part.ann_file):
        return []
    images = read_images(
        files.content(part.ann_file, key, section), f"{key} '{part.ann_file}'",
        '', section)
    paths = _paths(part, images)
    section.images = len(images)
    section.paths = {paths[key]: images[key].size for key in images}
    return []
