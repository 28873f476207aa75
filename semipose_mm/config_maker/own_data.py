# Copyright (c) semipose_mm authors.
"""Adapt a config to a folder of own data in COCO's keypoint format."""
import json
import os.path as osp
import sys

from semipose_mm.config_maker.keypoints import keypoint_metainfo

TRAIN = 'annotations/person_keypoints_train.json'
VAL = 'annotations/person_keypoints_val.json'
UNLABELED = 'annotations/image_info_unlabeled.json'
DETECTIONS = 'annotations/unlabeled_detections.json'


def read_json(root: str, name: str):
    """Read a file of the folder, or exit with one line."""
    path = osp.join(root, name)
    try:
        with open(path) as file:
            return json.load(file)
    except FileNotFoundError:
        sys.exit(f'quickstart: error: {path} is missing; README.md shows '
                 'which files a folder of own data needs')
    except ValueError as error:
        sys.exit(f'quickstart: error: {path} is no JSON file ({error})')


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

    train = read_json(root, TRAIN)
    read_json(root, VAL)
    category = next(
        (c for c in train.get('categories', []) if c.get('keypoints')), None)
    if category is None:
        sys.exit(f'quickstart: error: {osp.join(root, TRAIN)} has no '
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
            sys.exit(f'quickstart: error: {osp.join(root, UNLABELED)} is '
                     f'missing, the list of images for {DETECTIONS}')
        # a bare folder of images
        dataset.unlabeled.ann_file = ''
        dataset.unlabeled.pop('score_thr')
    if not osp.exists(osp.join(root, DETECTIONS)):
        if dataset.unlabeled.ann_file:
            sys.exit(f'quickstart: error: {osp.join(root, UNLABELED)} has '
                     f'no boxes: {DETECTIONS} is missing beside it; without '
                     'both, whole images are taken as boxes')
        dataset.unlabeled.pop('bbox_file')
    labeled = DATASETS.build(dict(dataset.labeled, pipeline=[]))
    try:
        unlabeled = DATASETS.build(
            dict(dataset.unlabeled, pipeline=[], metainfo=labeled.metainfo))
    except (OSError, ValueError) as error:
        sys.exit(f'quickstart: error: {error}')
    return len(unlabeled)
