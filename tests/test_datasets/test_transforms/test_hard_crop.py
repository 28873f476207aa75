# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/transforms/hard_crop.py."""
import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.dataset import Compose

from semipose_mm.datasets import EasyHardPair, build_transforms
from semipose_mm.datasets.transforms import EasyAffine, HardCrop
from semipose_mm.structures import CodecGeometry
from semipose_mm.structures.geometry import matrix_warp

RANDOM_BOX = dict(
    type='RandomBBoxTransform', rotate_factor=60, scale_factor=(0.8, 1.2))


def smooth_image():
    """An image that interpolation changes little."""
    noise = np.random.default_rng(0).random((300, 400, 3))
    image = cv2.GaussianBlur(noise, (0, 0), 8)
    return cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX).astype('uint8')


def make_views(use_udp, *others):
    crop = dict(type='TopdownAffine', input_size=(96, 128), use_udp=use_udp)
    pipeline = Compose(
        build_transforms([
            HardCrop([RANDOM_BOX, crop, *others]),
            EasyAffine(), crop,
            EasyHardPair(meta_keys=())
        ]))
    return pipeline(
        dict(
            img=smooth_image(),
            bbox_center=np.array([[200, 150]], np.float32),
            bbox_scale=np.array([[120, 160]], np.float32)))['inputs']


@pytest.mark.parametrize('use_udp', [False, True])
@pytest.mark.parametrize('seed', range(4))
def test_the_matrix_turns_the_easy_crop_into_the_hard_one(seed, use_udp):
    np.random.seed(seed)
    views = make_views(use_udp)
    assert list(views) == ['easy', 'hard', 'hard_matrix']
    codec = CodecGeometry((96, 128), (24, 32), (4., 4.))
    warp = matrix_warp(views['hard_matrix'][None], codec)
    easy, hard = (views[key][None].float() for key in ('easy', 'hard'))
    seen = F.interpolate(warp.valid, size=(128, 96))
    seen = seen * (F.avg_pool2d(seen, 9, 1, 4) == 1)

    def difference(images):
        return float(((images - hard).abs() * seen).sum() / seen.sum() / 3)

    assert seen.mean() > 0.2
    assert difference(warp.images(easy)) < min(1, difference(easy) / 3)


def test_pixel_values_of_the_hard_crop_are_its_own():

    def invert(results):
        results['img'] = 255 - results['img']
        return results

    np.random.seed(0)
    plain = make_views(False)
    np.random.seed(0)
    inverted = make_views(False, invert)
    assert torch.equal(inverted['hard'], 255 - plain['hard'])
    assert torch.equal(inverted['easy'], plain['easy'])


def test_what_cannot_be_a_hard_crop():
    crop = dict(type='TopdownAffine', input_size=(96, 128))
    with pytest.raises(ValueError, match='one TopdownAffine, but has 0'):
        HardCrop([RANDOM_BOX])
    with pytest.raises(ValueError, match='must stand before HardCrop'):
        HardCrop([dict(type='RandomFlip', prob=0.5), crop])


def test_the_easy_view_keeps_its_pixels():
    """YOLOXHSVRandomAug writes into the image that it is given."""
    color = dict(type='mmdet.YOLOXHSVRandomAug')
    crop = dict(type='TopdownAffine', input_size=(96, 128))
    results = dict(
        img=smooth_image(),
        bbox_center=np.array([[200, 150]], np.float32),
        bbox_scale=np.array([[120, 160]], np.float32))
    for seed in range(3):
        np.random.seed(seed)
        HardCrop([color, crop])(results)
        assert np.array_equal(results['img'], smooth_image())
        assert results['hard_crops']['hard'].img.std() > 0
