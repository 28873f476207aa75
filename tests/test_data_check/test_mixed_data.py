# Copyright (c) semipose_mm authors.
"""Tests of the combination of MPII and AI Challenger in docs/data.md."""
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import DATASETS, MODELS
from people_toys import ROOT
from PIL import Image
from scipy.io import savemat
from toy_check import check, has, problems

AIC = 'ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902'


def write_mpii_and_aic(root, num=4):
    """Both in the formats that MMPose converts them to."""
    rng = np.random.default_rng(0)

    def write_image(path, width, height):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)

    (root / 'mpii' / 'annotations').mkdir(parents=True)
    for start, part in ((0, 'train'), (num, 'val')):
        entries = []
        for i in range(start, start + num):
            name = f'{i:09d}.jpg'
            write_image(root / 'mpii' / 'images' / name, 160, 140)
            entries.append(
                dict(
                    image=name,
                    center=[80., 70.],
                    scale=0.5,
                    joints=rng.uniform(40, 100, (16, 2)).tolist(),
                    joints_vis=[1] * 16))
        path = root / 'mpii' / 'annotations' / f'mpii_{part}.json'
        path.write_text(json.dumps(entries))
    savemat(
        str(root / 'mpii' / 'annotations' / 'mpii_gt_val.mat'),
        dict(
            headboxes_src=np.tile([[[10.], [10.]], [[40.], [40.]]], num),
            jnt_missing=np.zeros((16, num)),
            pos_gt_src=rng.uniform(30, 110, (16, 2, num))))
    images, annotations = [], []
    for i in range(1, num + 1):
        name = f'{i:040x}.jpg'
        write_image(root / 'aic' / AIC / name, 120, 150)
        images.append(dict(id=i, file_name=name, width=120, height=150))
        joints = rng.uniform(30, 100, (14, 2))
        annotations.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                iscrowd=0,
                area=5000,
                num_keypoints=14,
                bbox=[10, 10, 100, 120],
                keypoints=np.c_[joints, np.full(14, 2)].ravel().tolist()))
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='person')])
    (root / 'aic' / 'annotations').mkdir()
    (root / 'aic' / 'annotations' / 'aic_train.json').write_text(
        json.dumps(content))


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """The config of docs/data.md on tiny data."""
    write_mpii_and_aic(tmp_path)
    text = Path(ROOT, 'docs', 'data.md').read_text()
    code = re.findall(r'```python\n(.*?)```', text, re.DOTALL)[-1]
    code = code.replace('./_base_', f'{ROOT}/configs/_base_')
    (tmp_path / 'mixed.py').write_text(code)
    monkeypatch.setenv('SEMIPOSE_DATA', str(tmp_path))
    return Config.fromfile(str(tmp_path / 'mixed.py'))


def test_labels_of_mpii_and_aic(mixed):
    dataset = DATASETS.build(mixed.train_dataloader.dataset)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (8, 4)
    # what flips and blurs the keypoints is left out to compare them
    fixed = [
        t for t in mixed.train_pipeline
        if t['type'] not in ('RandomFlip', 'RandomBBoxTransform')
    ]
    dataset.pipeline = fixed
    aic = json.loads(
        Path(mixed.aic_source.data_root,
             mixed.aic_source.ann_file).read_text())['annotations']
    mapping = mixed.aic.pipeline[0].mapping
    for index, present in ((1, 16), (6, 14)):
        item = dataset[index % len(dataset)] if index < len(dataset) else None
        sample = dataset.labeled[index]['data_samples']
        weights = sample.gt_instance_labels.keypoint_weights[0]
        assert sample.gt_fields.heatmaps.shape == (16, 64, 64)
        assert int((weights > 0).sum()) == present
        if item is not None:
            assert item['inputs']['easy'].shape == (1, 3, 256, 256)
    # pelvis and thorax are no joints of AI Challenger
    assert weights[6] == weights[7] == 0
    keypoints = sample.gt_instances.keypoints[0]
    source = np.reshape(aic[6 - 4]['keypoints'], (14, 3))
    for a, b in mapping:
        np.testing.assert_allclose(keypoints[b], source[a, :2], atol=1e-4)
    # unlabeled boxes are those of the json
    box = dataset.unlabeled.get_data_info(2)['bbox'][0]
    np.testing.assert_allclose(box, [10, 10, 110, 130])


def test_training_step_on_mpii_and_aic(mixed):
    from mmengine.dataset import pseudo_collate
    mixed.merge_from_dict({
        'model.backbone':
        dict(depth=18, stem_channels=8, base_channels=8, init_cfg=None),
        'model.head':
        dict(in_channels=64, deconv_out_channels=(8, 8, 8))
    })
    dataset = DATASETS.build(mixed.train_dataloader.dataset)
    items = []
    for labeled in (0, 7):
        item = dataset[labeled % len(dataset)]
        item['inputs']['labeled'] = dataset.labeled[labeled]['inputs']
        item['data_samples']['labeled'] = dataset.labeled[labeled][
            'data_samples']
        items.append(item)
    model = MODELS.build(mixed.model).train()
    losses = model.loss(**model.data_preprocessor(pseudo_collate(items), True))
    losses = {k: v for k, v in losses.items() if 'loss' in k}
    assert len(losses) == 4
    assert all(torch.isfinite(v) and v > 0 for v in losses.values())


def test_check_of_mpii_and_aic(mixed):
    found = check(mixed)
    assert problems(found) == []
    assert has(
        found, 'ok', '14 of 16 keypoints are mapped, neck to '
        'upper_neck among them', 'keypoints')
    assert has(found, 'ok', '4 head boxes', 'evaluation')
    assert has(found, 'note', 'labeled and unlabeled have images in common: 4')


@pytest.mark.parametrize('mapping, text', [
    ([(0, 13)], 'changes the side: 1 .right_shoulder to left_shoulder'),
    ([(14, 1)], 'sources are below 14, targets below 16'),
    ([(0, 12), (1, 12)], 'maps twice'),
    ([(0, 12, 3)], 'no pair of keypoints'),
    (None, 'has no KeypointConverter from 14 to 16'),
])
def test_converter_mistakes(mapping, text, mixed):
    part = mixed.train_dataloader.dataset.labeled.datasets[1]
    if mapping is None:
        part.pipeline = []
    else:
        part.pipeline[0].mapping = mapping
    assert has(check(mixed, images=0), 'ERROR', text, 'keypoints')


@pytest.mark.parametrize('change, text', [
    (lambda c: c[0].update(center=[1]), 'has no center and scale'),
    (lambda c: c[0].update(joints=[[1, 2]] * 3),
     'has no joints and joints_vis'),
    (lambda c: c[0].update(image='x.jpg'),
     'a file name that begins with a number'),
    (lambda c: c.append(None), 'entry 4 is a NoneType'),
])
def test_mpii_mistakes(change, text, mixed):
    path = Path(mixed.val_dataloader.dataset.data_root, 'annotations',
                'mpii_val.json')
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert has(check(mixed, images=0), 'ERROR', text, 'val')


def test_other_head_boxes(mixed):
    path = Path(mixed.val_dataloader.dataset.data_root, 'annotations',
                'mpii_val.json')
    path.write_text(json.dumps(json.loads(path.read_text())[1:]))
    assert has(check(mixed, images=0), 'ERROR', 'headboxes_src', 'evaluation')
