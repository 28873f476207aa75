# Copyright (c) semipose_mm authors.
"""The COCO-style datasets of MMPose get what the one reading gives."""
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Dict, Iterator, List, NamedTuple, Optional
from weakref import WeakKeyDictionary

import numpy as np
from mmengine.dataset import BaseDataset
from mmpose.datasets.datasets import BaseCocoStyleDataset
from mmpose.datasets.datasets.base import base_coco_style_dataset
from mmpose.registry import DATASETS
from mmpose.structures.bbox import bbox_xywh2xyxy
from xtcocotools.coco import COCO

from ...data_files import DataError, Findings
from ...data_files.box_fit import check_boxes, relative_size
from ...data_files.boxes import load_boxes
from ...data_files.evaluated_boxes import read_evaluated
from ...data_files.images import find_size, read_images
from ...data_files.labels import Labels, read_labels
from ...data_files.text import no_collecting
from .reports import describe_left_out, log_findings


class Summary(NamedTuple):
    """What the file of a dataset holds.

    Args:
        total (int): Number of its annotations.
        used (int): Number of those that MMPose uses.
        left_out (dict[str, int]): Numbers of the others, by reason.
        box_size (float): Side of their boxes as a share of their images,
            see :func:`relative_size`.
        weighted (bool): Whether some of them have weights for training.
    """

    total: int
    used: int
    left_out: Dict[str, int]
    box_size: float
    weighted: bool


_summaries: 'WeakKeyDictionary[BaseDataset, Summary]' = WeakKeyDictionary()


@contextmanager
def one_reading(cfg: dict, key: str, weighted: bool = False) -> Iterator[None]:
    """Let the COCO-style datasets of MMPose get labels that are read by us.

    MMPose takes whatever visibility there is, drops what ``num_keypoints``
    calls empty, knows a detector's boxes of category 1 alone, and breaks on
    wrong entries without naming the file.

    Args:
        cfg (dict): Config of the dataset that is built or initialized.
        key (str): Its config key.
        weighted (bool): Whether ``keypoint_weights`` are for training, and
            not left out. Defaults to False.
    """
    stock = BaseCocoStyleDataset._load_annotations
    detections = BaseCocoStyleDataset._load_detection_results
    BaseCocoStyleDataset._load_annotations = (
        lambda dataset: _load(dataset, key, stock, weighted))
    BaseCocoStyleDataset._load_detection_results = (
        lambda dataset: _load_detections(dataset, key))
    try:
        yield
    except DataError:
        # which part of a combination it is
        for index, part in enumerate(cfg.get('datasets') or ()):
            with one_reading(part, f'{key}.datasets[{index}]', weighted):
                len(DATASETS.build(deepcopy(part)))
        raise
    finally:
        BaseCocoStyleDataset._load_annotations = stock
        BaseCocoStyleDataset._load_detection_results = detections


@no_collecting()
def _load(dataset: BaseCocoStyleDataset, key: str, stock: Any,
          weighted: bool) -> tuple:
    """Load annotations as MMPose does, from what was read and mended."""
    if (type(dataset).parse_data_info
            is not BaseCocoStyleDataset.parse_data_info):
        return stock(dataset)
    findings, metainfo = Findings(), dataset.metainfo
    labels = read_labels(dataset.ann_file, f'{key}.ann_file', findings,
                         metainfo['num_keypoints'],
                         dataset.data_prefix.get('img', ''))
    names = metainfo['keypoint_id2name']
    labels.check_order([names[i] for i in range(len(names))], findings)
    entries, left_out = labels.used(), labels.left_out()
    boxes, joints, sizes = labels.arrays(entries)
    check_boxes(boxes, joints, sizes, labels.where, findings)
    log_findings(findings)
    if not entries:
        raise DataError(
            f'{key} uses none of its {labels.total} annotations from '
            f"'{dataset.ann_file}'{describe_left_out(left_out)}: a label "
            'needs a box inside its image, iscrowd 0 and a labeled joint')
    _summaries[dataset] = Summary(labels.total, len(entries), left_out,
                                  relative_size(boxes, sizes), weighted
                                  and any(x.weights for x in entries))
    base_coco_style_dataset.COCO = lambda path: _as_coco(labels)
    try:
        instances, images = stock(dataset)
    finally:
        base_coco_style_dataset.COCO = COCO
    if dataset.data_mode == 'topdown':
        for instance in instances:
            width, height = labels.images[instance['img_id']].size
            # loading compares it
            instance['img_shape'] = height, width
    if _summaries[dataset].weighted:
        _add_weights(instances)
    return instances, images


def _add_weights(instances: List[dict]) -> None:
    """Put weights where MMPose's transforms move them with their joints.

    ``keypoints_visible`` is (1, K, 2) then, as ``KeypointConverter`` leaves
    it, and ``GenerateTarget`` takes it apart.
    """
    for one in instances:
        visible = one['keypoints_visible']
        weights = one['raw_ann_info'].get('keypoint_weights')
        one['keypoints_visible'] = np.stack([
            visible,
            np.ones_like(visible) if weights is None else np.float32([weights])
        ], -1)


@no_collecting()
def _load_detections(dataset: BaseCocoStyleDataset, key: str) -> List[dict]:
    """Load detections as MMPose does, with the category of each."""
    findings, path = Findings(), dataset.ann_file
    truth = load_boxes(path, f'{key}.ann_file', findings)
    images = read_images(truth, f"{key}.ann_file '{path}'",
                         dataset.data_prefix.get('img', ''), findings)
    boxes, categories = read_evaluated(truth, dataset.bbox_file,
                                       f'{key}.bbox_file', images, findings)
    findings.note(
        'boxes', f"{key}.bbox_file '{dataset.bbox_file}'",
        f'has {len(categories):,} boxes that are evaluated'
        f'{describe_left_out(boxes.left_out)}')
    log_findings(findings)
    dataset._metainfo['CLASSES'] = truth.get('categories', [])
    listed, samples = list(images.items()), []
    joints = dataset.metainfo['num_keypoints']
    for number, box, score, category in zip(boxes.images, boxes.xywh,
                                            boxes.scores, categories):
        img_id, image = listed[number]
        width, height = image.size or find_size(image, findings)
        samples.append(
            dict(
                img_id=img_id,
                img_path=image.path,
                img_shape=(height, width),
                bbox=bbox_xywh2xyxy(np.float32(box)[None]),
                bbox_score=np.float32([score]),
                keypoints=np.zeros((1, joints, 2), np.float32),
                keypoints_visible=np.ones((1, joints), np.float32),
                category_id=np.array(category),
                id=len(samples)))
    return samples


def _as_coco(labels: Labels) -> COCO:
    """Labels as MMPose holds a file."""
    coco = COCO()
    coco.dataset = labels.content()
    coco.createIndex()
    return coco


def has_weights(dataset: BaseDataset) -> bool:
    """Whether labels of a dataset have weights, by which it trains."""
    summary = summary_of(dataset)
    return summary is not None and summary.weighted


def summary_of(dataset: BaseDataset) -> Optional[Summary]:
    """Get what the file of a dataset holds.

    Args:
        dataset (BaseDataset): The dataset.

    Returns:
        Summary, optional: None if it was not read by :func:`one_reading`.
    """
    return _summaries.get(dataset)
