# Copyright (c) semipose_mm authors.
"""Tests of what the quickstart does with a folder of own data."""
import json
import shutil
from importlib import import_module

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS
from people_toys import own_config

KEPT = [0, 5, 6, 11, 12]
NAMES = ['nose', 'left_shoulder', 'right_shoulder', 'left_hip', 'right_hip']
SKELETON = [[1, 2], [1, 3], [2, 4], [3, 5]]
ANNOTATIONS = 'annotations/{}.json'


@pytest.fixture
def own_data(monkeypatch):
    return import_module('semipose_mm.config_maker.own_data')


@pytest.fixture
def folder(people_root, tmp_path):
    """A copy that may be altered."""
    return shutil.copytree(people_root, tmp_path / 'birds')


def edit(folder, name, change):
    path = folder / ANNOTATIONS.format(name)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(change(content) or content))


@pytest.fixture
def five(folder):
    """The copy with five keypoints."""

    def change(content):
        content['categories'][0].update(keypoints=NAMES, skeleton=SKELETON)
        for annotation in content.get('annotations', []):
            keypoints = np.reshape(annotation['keypoints'], (17, 3))[KEPT]
            annotation['keypoints'] = keypoints.ravel().tolist()
            annotation['num_keypoints'] = int((keypoints[:, 2] > 0).sum())

    for name in ('person_keypoints_train', 'person_keypoints_val',
                 'image_info_unlabeled'):
        edit(folder, name, change)
    return folder


def config(folder, name='posedual'):
    cfg = own_config(folder, folder / 'run', name)
    cfg.train_dataloader.dataset.unlabeled.indices = None
    return cfg


def test_keypoint_metainfo(own_data):
    category = dict(keypoints=NAMES, skeleton=SKELETON)
    raw = own_data.keypoint_metainfo(category, 'birds')
    meta = parse_pose_metainfo(raw)
    assert meta['dataset_name'] == 'birds'
    assert list(meta['keypoint_id2name'].values()) == NAMES
    assert meta['flip_indices'] == [0, 2, 1, 4, 3]
    assert meta['skeleton_links'] == [(0, 1), (0, 2), (1, 3), (2, 4)]
    assert meta['keypoint_colors'].shape == (5, 3)
    assert len({tuple(color) for color in meta['keypoint_colors']}) == 5
    assert meta['skeleton_link_colors'].shape == (4, 3)
    assert meta['sigmas'].shape == (5, )
    assert meta['dataset_keypoint_weights'].tolist() == [1] * 5


@pytest.mark.parametrize(
    'names, flips',
    [
        (['a', 'b'], [0, 1]),
        (['right_eye', 'tail', 'left_eye'], [2, 1, 0]),
        (['eye_left', 'eye_right'], [1, 0]),
        # the other side is not annotated
        (['left_eye', 'tail'], [0, 1]),
        (['bright_spot', 'upleft'], [0, 1]),
    ])
def test_flip_pairs(own_data, names, flips):
    meta = parse_pose_metainfo(
        own_data.keypoint_metainfo(dict(keypoints=names), 'x'))
    assert meta['flip_indices'] == flips
    assert meta['skeleton_links'] == []


def test_coco_keypoints_stay_coco(own_data, people_root):
    cfg = config(people_root)
    before = cfg.to_dict()
    records = json.loads(
        (people_root / ANNOTATIONS.format('unlabeled_detections')).read_text())
    kept = sum(record['score'] >= 0.5 for record in records)
    assert own_data.adapt_to_folder(cfg, str(people_root)) == kept > 0
    assert cfg.to_dict() == before


@pytest.mark.parametrize('method', ['supervised', 'posedual'])
def test_five_keypoints_train(own_data, five, method, no_yapf):
    cfg = config(five, method)
    own_data.adapt_to_folder(cfg, str(five))
    cfg.train_dataloader.dataset.unlabeled.indices = 4
    assert cfg.model.head.out_channels == 5
    runner = Runner.from_cfg(cfg)
    runner.train()
    for net in runner.model.networks:
        assert net.head.final_layer.out_channels == 5
    dataset = runner.train_dataloader.dataset
    assert dataset.metainfo['dataset_name'] == 'birds'
    assert dataset.metainfo['flip_indices'] == [0, 2, 1, 4, 3]
    assert dataset.unlabeled.metainfo['flip_indices'] == [0, 2, 1, 4, 3]
    sample = dataset[0]['data_samples']['labeled']
    assert sample.gt_fields.heatmaps.shape == (5, 32, 24)
    # the metric for AP weighs as many joints
    log, = (five / 'run').glob('*/vis_data/2*.json')
    scores = json.loads(log.read_text().splitlines()[-1])
    assert 0 <= scores['coco/AP'] <= 1 and 0 <= scores['PCK@0.2'] <= 1
    assert len(
        torch.load(five / 'run' / 'epoch_1.pth',
                   weights_only=True)['meta']['dataset_meta']['sigmas']) == 5


def test_images_without_boxes(own_data, folder):
    for name in ('image_info_unlabeled', 'unlabeled_detections'):
        (folder / ANNOTATIONS.format(name)).unlink()
    cfg = config(folder)
    assert own_data.adapt_to_folder(cfg, str(folder)) == 8
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    info = dataset.unlabeled.get_data_info(0)
    assert info['bbox'].tolist() == [[0, 0, 96, 120]]
    assert dataset[0]['inputs']['easy'].shape == (1, 3, 128, 96)


def remove(name):
    return lambda folder: (folder / name).unlink()


def break_json(folder):
    (folder / ANNOTATIONS.format('person_keypoints_train')).write_text('{')


def no_names(folder):
    edit(folder, 'person_keypoints_train',
         lambda content: content['categories'][0].pop('keypoints') and None)


def no_folder(folder):
    for name in ('image_info_unlabeled', 'unlabeled_detections'):
        (folder / ANNOTATIONS.format(name)).unlink()
    shutil.rmtree(folder / 'images' / 'unlabeled')


def bad_box(folder):
    edit(folder, 'unlabeled_detections',
         lambda content: content[1].pop('bbox') and None)


@pytest.mark.parametrize('spoil, message', [
    (remove('annotations/person_keypoints_train.json'),
     'person_keypoints_train.json is missing'),
    (remove('annotations/person_keypoints_val.json'),
     'person_keypoints_val.json is missing'),
    (remove('annotations/unlabeled_detections.json'),
     'unlabeled_detections.json is missing beside it'),
    (remove('annotations/image_info_unlabeled.json'),
     'image_info_unlabeled.json is missing'),
    (break_json, 'is no JSON file'),
    (no_names, "has no category with 'keypoints'"),
    (no_folder, 'images/unlabeled'),
    (bad_box, "unlabeled_detections.json', entry 1: field 'bbox' is missing"),
])
def test_mistakes_give_one_line(own_data, folder, spoil, message):
    spoil(folder)
    with pytest.raises(SystemExit) as info:
        own_data.adapt_to_folder(config(folder), str(folder))
    text = str(info.value)
    assert text.startswith('quickstart: error: ') and '\n' not in text
    assert message in text
