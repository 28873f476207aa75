# Copyright (c) semipose_mm authors.
"""A small COCO-style set of generated images, and configs that read it."""
import json
import os.path as osp
from types import SimpleNamespace

import cv2
import mmpose
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS

NUM_LABELED = 5
NUM_UNLABELED = 12
WIDTH, HEIGHT = 60, 50

CODEC = dict(
    type='MSRAHeatmap', input_size=(24, 32), heatmap_size=(6, 8), sigma=1)


@pytest.fixture(autouse=True)
def no_collection(monkeypatch):
    """A full collection for every dataset takes most of the tests' time."""
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc',
                        SimpleNamespace(collect=lambda: 0))


def write_json(path, content):
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture(scope='session')
def data_root(tmp_path_factory):
    """A folder with images, labels, an image list and detections."""
    root = tmp_path_factory.mktemp('coco')
    (root / 'images').mkdir()
    rng = np.random.default_rng(0)
    images, annotations, detections = [], [], []
    for i in range(NUM_LABELED + NUM_UNLABELED):
        name = f'{i:03d}.png'
        image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        cv2.imwrite(str(root / 'images' / name), image)
        images.append(dict(id=i, file_name=name, width=WIDTH, height=HEIGHT))
        bbox = [5 + i % 3, 6, 40, 30]
        keypoints = np.full((17, 3), 2)
        keypoints[:, :2] = rng.integers(8, 36, (17, 2))
        if i < NUM_LABELED:
            annotations.append(
                dict(
                    id=100 + i,
                    image_id=i,
                    category_id=1,
                    bbox=bbox,
                    area=500.,
                    iscrowd=0,
                    num_keypoints=17,
                    keypoints=keypoints.flatten().tolist()))
        else:
            detections.append(
                dict(image_id=i, category_id=1, bbox=bbox, score=0.9))
    categories = [dict(id=1, name='person')]
    write_json(
        root / 'labeled.json',
        dict(
            images=images[:NUM_LABELED],
            annotations=annotations,
            categories=categories))
    write_json(root / 'images.json',
               dict(images=images[NUM_LABELED:], categories=categories))
    write_json(root / 'boxes.json', detections)
    return root


@pytest.fixture(scope='session')
def coco_metainfo():
    """The raw meta information of COCO, read once."""
    path = osp.join(
        osp.dirname(mmpose.__file__), '.mim', 'configs', '_base_', 'datasets',
        'coco.py')
    return Config.fromfile(path).to_dict()['dataset_info']


@pytest.fixture
def pipeline_cfg():
    """The training pipeline of a zoo config, small."""
    return [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='RandomHalfBody'),
        dict(type='RandomBBoxTransform'),
        dict(type='TopdownAffine', input_size=CODEC['input_size']),
        dict(type='GenerateTarget', encoder=CODEC),
        dict(type='PackPoseInputs')
    ]


@pytest.fixture
def semi_cfg(data_root, pipeline_cfg, coco_metainfo):
    """The config of a SemiPoseDataset."""
    common = dict(data_root=str(data_root), data_prefix=dict(img='images/'))
    return dict(
        type='SemiPoseDataset',
        labeled=dict(
            type='CocoDataset',
            ann_file='labeled.json',
            metainfo=coco_metainfo,
            pipeline=pipeline_cfg,
            **common),
        unlabeled=dict(
            type='UnlabeledPoseDataset',
            ann_file='images.json',
            bbox_file='boxes.json',
            **common),
        sources=dict(photo=[dict(type='PhotometricDistortion')]),
        num_uniforms=16)


@pytest.fixture
def build_semi(semi_cfg):
    """A function that builds the dataset with some keys replaced."""

    def build(**overrides):
        return DATASETS.build(dict(semi_cfg, **overrides))

    return build
