# Copyright (c) semipose_mm authors.
"""The data of a config: labels, validation, unlabeled samples, keypoints."""
import os.path as osp
from typing import Any, Dict, NamedTuple, Optional, Set, Tuple

import numpy as np

from semipose_mm.data_files import Findings
from semipose_mm.data_files.box_fit import compare_sizes, relative_size
from semipose_mm.subsets.selection import order_instances
from .base import ConfigFault
from .keypoints import Keypoints, describe_keypoints, metainfo_text
from .labels import LabelFile, Part
from .pose_spread import PoseSpread, pose_spread
from .request import Request
from .similarity import Similarity, image_similarity
from .sources import Source, apply_rule, find_source, read_unlabeled
from .writing import Stage

#: Share of the labeled images that validate where no others do.
VAL_SHARE = 0.2


class Data(NamedTuple):
    """What a config reads.

    Attributes:
        keypoints (Keypoints): The keypoints.
        metainfo (str): Their file, as the config names it.
        train (Part): Labels to train on.
        val (Part): Labels that validate.
        source (Source, optional): Unlabeled samples.
        num_unlabeled (int): Their number.
        unlabeled_told (str): What of them is left out, in words.
        similarity (Similarity, optional): Of the unlabeled images, where
            the recipe asks for it.
        spread (PoseSpread, optional): How much labeled poses differ.
        box (tuple): Width and height of the boxes of labels in pixels, the
            medians.
    """
    keypoints: Keypoints
    metainfo: str
    train: Part
    val: Part
    source: Optional[Source]
    num_unlabeled: int
    unlabeled_told: str
    similarity: Optional[Similarity]
    spread: Optional[PoseSpread]
    box: Tuple[float, float]


def read_data(request: Request, stage: Stage, findings: Findings) -> Data:
    """Read what the options name, and write files that are derived from it.

    Args:
        request (Request): The options.
        stage (Stage): Where files are written.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        Data: What the config reads.

    Raises:
        ConfigFault: If an option names something unusable.
        DataError: If a file has something wrong in it.
    """
    labeled = LabelFile(request.labeled, '--labeled', request.labeled_images,
                        request, findings)
    keypoints = describe_keypoints(labeled.category, labeled.where,
                                   request.keypoints, request.name, findings)
    num = len(keypoints.names)
    labeled.read(num)
    labeled.order(keypoints.names, others=request.keypoints is not None)
    files, chosen = [labeled], set()
    if request.val is None:
        chosen = _draw(labeled, request.seed)
        train = labeled.part(stage, '_train.json',
                             {one.image_id
                              for one in labeled.entries} - chosen)
        val = labeled.part(stage, '_val.json', chosen)
        validating = labeled.image_paths(
            [one for one in labeled.entries if one.image_id in chosen])
    else:
        others = LabelFile(request.val, '--val', request.val_images, request,
                           findings)
        others.read(num)
        others.order(labeled.labels.names or keypoints.names)
        files.append(others)
        train = labeled.part(stage, '_train.json')
        val = others.part(stage, '_val.json')
        validating = others.image_paths(others.entries)
        both = validating & labeled.image_paths(labeled.entries)
        if both:
            findings.warn(
                'same images', others.where,
                f'validates on {len(both)} images that are trained on: '
                'scores will be too good')
    if keypoints.known:
        metainfo = f'configs/_base_/datasets/{keypoints.known}'
    else:
        text = metainfo_text(keypoints, request.keypoints or request.labeled)
        metainfo = stage.write('_keypoints.py', text.encode())
    source, num_unlabeled, told, alike = None, 0, '', None
    boxes, joints, sizes = labeled.labels.arrays(labeled.entries)
    trains = [one.image_id not in chosen for one in labeled.entries]
    never = [
        name for i, name in enumerate(keypoints.names)
        if not (joints[trains, i, 2] > 0).any()
    ]
    if never:
        findings.warn(
            'joints', labeled.where,
            f'has no label of {", ".join(never)}: they are not learned')
    if request.unlabeled is not None:
        source = find_source(request, labeled.names,
                             {osp.realpath(one.path)
                              for one in files}, stage, findings)
        source, index, told = read_unlabeled(source, validating, stage,
                                             findings)
        if request.box_rule and source.whole_images:
            source, index = apply_rule(source, index, request.box_rule, stage,
                                       findings)
        num_unlabeled = len(index)
        if request.recipe == 'labels_then_ema':
            alike = image_similarity(one['img_path'] for one in index)
        compare_sizes(
            relative_size(boxes, sizes), index.relative_size, source.where,
            findings)
    else:
        _offer_rest(labeled, findings)
    return Data(keypoints, metainfo, train, val, source, num_unlabeled, told,
                alike, pose_spread(joints, boxes),
                tuple(np.median(boxes[:, 2:], axis=0)))


def _draw(labeled: LabelFile, seed: int) -> Set[Any]:
    """Draw images for validation; the same ones for a seed on any machine."""
    drawn = order_instances(labeled.entries, 'random', seed, 'image')
    # several ids may be of one file
    files: Dict[str, Set[Any]] = {}
    for one in drawn:
        path, = labeled.image_paths([one])
        files.setdefault(path, set()).add(one.image_id)
    if len(files) < 2:
        raise ConfigFault(f'{labeled.where} has instances on one image '
                          'alone, of which none can be kept for validation: '
                          'name other labels by --val')
    num = max(1, round(VAL_SHARE * len(files)))
    return set().union(*list(files.values())[:num])


def _offer_rest(labeled: LabelFile, findings: Findings) -> None:
    """Say that images of a file are not labeled."""
    known = {
        one.image_id
        for one in labeled.labels.entries if one.num_keypoints
    }
    rest = len(labeled.labels.images) - len(known)
    if rest > 0:
        findings.note(
            'unlabeled images',
            labeled.where,
            f'has {rest} images without labels',
            advice=f'--unlabeled {labeled.path} learns from them')
