# Copyright (c) semipose_mm authors.
"""Adapt a config to a folder of own data in COCO's keypoint format."""
import json
import os.path as osp
import sys
from typing import List

TRAIN = 'annotations/person_keypoints_train.json'
VAL = 'annotations/person_keypoints_val.json'
UNLABELED = 'annotations/image_info_unlabeled.json'
# how keypoints of a pair differ in their names
SIDES = (('left', 'right'), ('Left', 'Right'), ('LEFT', 'RIGHT'))
DETECTIONS = 'annotations/unlabeled_detections.json'


def read_json(root: str, name: str):
    """Read a file of the folder, or exit with one line."""
    path = osp.join(root, name)
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError:
        sys.exit(f'quickstart.sh: error: {path} is missing; README.md shows '
                 'which files a folder of own data needs')
    except ValueError as error:
        sys.exit(f'quickstart.sh: error: {path} is no JSON file ({error})')


def keypoint_metainfo(category: dict, name: str) -> dict:
    """MMPose's meta information from a category of a COCO file.

    Keypoints whose names differ by the words in :data:`SIDES` are flip pairs.

    Args:
        category (dict): ``keypoints`` and, optionally, ``skeleton`` with
            numbers from 1, as COCO has it.
        name (str): Name of the data set.

    Returns:
        dict: A ``metainfo`` for MMPose's datasets.
    """
    names: List[str] = category['keypoints']

    def other_side(keypoint: str) -> str:
        for side in SIDES:
            for a, b in (side, side[::-1]):
                other = keypoint.replace(a, b)
                if other != keypoint and other in names:
                    return other
        return ''

    colors = [[(53 * i + 80) % 256, (97 * i + 40) % 256, (151 * i) % 256]
              for i in range(len(names))]
    return dict(
        dataset_name=name,
        paper_info=dict(),
        keypoint_info={
            i:
            dict(
                name=keypoint,
                id=i,
                color=colors[i],
                type='',
                swap=other_side(keypoint))
            for i, keypoint in enumerate(names)
        },
        skeleton_info={
            i:
            dict(link=(names[a - 1], names[b - 1]), id=i, color=colors[b - 1])
            for i, (a, b) in enumerate(category.get('skeleton', []))
        },
        joint_weights=[1.] * len(names),
        # of no joint is known how well people agree on it
        sigmas=[0.05] * len(names))


def adapt_to_folder(cfg, root: str) -> int:
    """Set keypoints and the unlabeled source of a config for a folder.

    Args:
        cfg (Config): Made from ``configs/*_res18slim_own.py``; changed in
            place.
        root (str): The folder.

    Returns:
        int: Number of unlabeled samples.
    """
    from mmpose.registry import DATASETS

    import semipose_mm  # noqa: F401
    train = read_json(root, TRAIN)
    read_json(root, VAL)
    category = next(
        (c for c in train.get('categories', []) if c.get('keypoints')), None)
    if category is None:
        sys.exit(f'quickstart.sh: error: {osp.join(root, TRAIN)} has no '
                 "category with 'keypoints', the list of their names")
    dataset = cfg.train_dataloader.dataset
    coco = DATASETS.get('mmpose.CocoDataset')
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    known = parse_pose_metainfo(coco.METAINFO)['keypoint_id2name'].values()
    if list(known) != category['keypoints']:
        metainfo = keypoint_metainfo(category, osp.basename(root))
        num = len(category['keypoints'])
        pairs = [(i['name'], i['swap'])
                 for i in metainfo['keypoint_info'].values() if i['swap']]
        print(f'{num} keypoints, of which {len(pairs)} flip in pairs by '
              'left and right in their names')
        cfg.model.head.out_channels = num
        for part in (dataset.labeled, cfg.val_dataloader.dataset,
                     cfg.test_dataloader.dataset):
            part.metainfo = metainfo
    if not osp.exists(osp.join(root, UNLABELED)):
        if osp.exists(osp.join(root, DETECTIONS)):
            sys.exit(f'quickstart.sh: error: {osp.join(root, UNLABELED)} is '
                     f'missing, the list of images for {DETECTIONS}')
        # a bare folder of images
        dataset.unlabeled.ann_file = ''
        dataset.unlabeled.pop('score_thr')
    if not osp.exists(osp.join(root, DETECTIONS)):
        if dataset.unlabeled.ann_file:
            sys.exit(f'quickstart.sh: error: {osp.join(root, UNLABELED)} has '
                     f'no boxes: {DETECTIONS} is missing beside it; without '
                     'both, whole images are taken as boxes')
        dataset.unlabeled.pop('bbox_file')
    labeled = DATASETS.build(dict(dataset.labeled, pipeline=[]))
    try:
        unlabeled = DATASETS.build(
            dict(dataset.unlabeled, pipeline=[], metainfo=labeled.metainfo))
    except (OSError, ValueError) as error:
        sys.exit(f'quickstart.sh: error: {error}')
    return len(unlabeled)
