# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/transforms/easy_hard_pair.py."""
import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS

from semipose_mm.datasets import EasyHardPair, build_transforms


@pytest.fixture
def results():
    rng = np.random.default_rng(0)
    return dict(
        img=rng.integers(0, 256, (8, 6, 3), dtype=np.uint8),
        img_path='a.png',
        img_shape=(8, 6),
        input_size=(6, 8),
        bbox=np.array([[0, 0, 4, 5]], np.float32),
        bbox_score=np.ones(1, np.float32),
        keypoints=np.zeros((1, 17, 2), np.float32),
        keypoints_visible=np.zeros((1, 17), np.float32),
        flip=False,
        flip_indices=list(range(17)))


def invert(results):
    results['img'] = 255 - results['img']
    return results


def invert_in_place(results):
    np.subtract(255, results['img'], out=results['img'])
    return results


@pytest.mark.parametrize('transform', [invert, invert_in_place])
def test_views(results, transform):
    image = results['img'].copy()
    pair = EasyHardPair(sources=dict(photo=[transform], same=[]))
    packed = pair(results)
    assert list(packed['inputs']) == ['easy', 'photo', 'same']
    expected = torch.from_numpy(image).permute(2, 0, 1)
    assert packed['inputs']['easy'].shape == (3, 8, 6)
    assert torch.equal(packed['inputs']['easy'], expected)
    assert torch.equal(packed['inputs']['same'], expected)
    assert torch.equal(packed['inputs']['photo'], 255 - expected)


def test_packs_as_mmpose(results):
    stock = PackPoseInputs()(dict(results))['data_samples']
    sample = EasyHardPair()(dict(results))['data_samples']
    assert sample.metainfo == stock.metainfo
    assert sample.gt_instances.keys() == stock.gt_instances.keys()
    assert 'gt_fields' not in sample
    sample = EasyHardPair(meta_keys=('img_path', ))(results)['data_samples']
    assert sample.metainfo == dict(img_path='a.png')


def test_photometric_distortion(results):
    pair = TRANSFORMS.build(
        dict(
            type='EasyHardPair',
            sources=dict(photo=[dict(type='PhotometricDistortion')])))
    np.random.seed(1)
    views = [pair(dict(results))['inputs'] for _ in range(5)]
    assert all(torch.equal(v['easy'], views[0]['easy']) for v in views)
    assert any(not torch.equal(v['photo'], v['easy']) for v in views)


@pytest.mark.parametrize('transform, message', [
    (lambda r: dict(r, img=r['img'][:4]), r"'photo'\] turns.*\(4, 6, 3\)"),
    (lambda r: dict(r, img=r['img'] / 255.), 'float64'),
    (dict(type='RandomFlip', prob=1.), 'changes .*flip'),
])
def test_other_than_pixel_values_is_refused(results, transform, message):
    pair = EasyHardPair(sources=dict(photo=build_transforms([transform])))
    with pytest.raises(ValueError, match=message):
        pair(results)


def test_none_is_handed_on(results):
    assert EasyHardPair(sources=dict(a=[lambda r: None]))(results) is None


@pytest.mark.parametrize('name', ['easy', 'labeled', 'uniforms', 3])
def test_reserved_names(name):
    with pytest.raises(ValueError, match='sources of EasyHardPair'):
        EasyHardPair(sources={name: []})


def test_repr():
    text = repr(
        EasyHardPair(
            sources=dict(photo=[dict(type='EasyAffine')]),
            meta_keys=('img_path', )))
    assert 'photo' in text and 'EasyAffine(scale_factor=0.25' in text
    assert "meta_keys=('img_path',)" in text
    assert 'pack_transformed=False' in text
