# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/pipeline.py."""
import pytest
from mmengine.dataset import Compose
from mmpose.datasets.transforms import (LoadImage, PackPoseInputs,
                                        RandomBBoxTransform, TopdownAffine)

from semipose_mm.datasets import EasyHardPair, build_transforms
from semipose_mm.datasets.pipeline import check_order, derive_unlabeled


def compose(*cfgs):
    return Compose(build_transforms(cfgs))


def test_derive(pipeline_cfg):
    pipeline_cfg[-1] = dict(
        type='PackPoseInputs', meta_keys=('img_path', ), pack_transformed=True)
    labeled = compose(*pipeline_cfg)
    derived, dropped = derive_unlabeled(labeled, dict(photo=[]))
    assert dropped == ['RandomHalfBody', 'GenerateTarget']
    names = [type(t).__name__ for t in derived.transforms]
    assert names == [
        'LoadImage', 'GetBBoxCenterScale', 'RandomFlip', 'RandomBBoxTransform',
        'TopdownAffine', 'EasyHardPair'
    ]
    assert derived.transforms[0] is labeled.transforms[0]
    pair = derived.transforms[-1]
    assert pair.meta_keys == ('img_path', )
    assert pair.pack_transformed
    assert list(pair.sources) == ['photo']
    # the labeled pipeline is as it was
    assert type(labeled.transforms[-1]) is PackPoseInputs
    assert len(labeled.transforms) == len(pipeline_cfg)


def test_converters_are_dropped():
    converter = dict(
        type='KeypointConverter', num_keypoints=3, mapping=[(0, 2)])
    derived, dropped = derive_unlabeled(
        compose(
            dict(type='LoadImage'), converter, dict(type='PackPoseInputs')),
        {})
    assert dropped == ['KeypointConverter']
    assert len(derived.transforms) == 2


@pytest.mark.parametrize('cfgs, last', [
    ((), 'nothing'),
    ((dict(type='LoadImage'), ), 'LoadImage'),
    ((dict(type='PackPoseInputs'), dict(type='LoadImage')), 'LoadImage'),
])
def test_nothing_to_derive_from(cfgs, last):
    with pytest.raises(ValueError, match=f'ends with {last}.*pipeline'):
        derive_unlabeled(compose(*cfgs), {})


def test_flip_of_the_crop_is_refused():
    crop = dict(type='TopdownAffine', input_size=(24, 32))
    flip = dict(type='RandomFlip')
    check_order(compose(flip, crop), 'key')
    check_order(compose(flip), 'key')
    with pytest.raises(ValueError, match='key has RandomFlip after Topdown'):
        check_order(compose(flip, crop, dict(type='EasyAffine'), flip), 'key')


def test_build_transforms():
    built = build_transforms([
        dict(type='LoadImage'),
        RandomBBoxTransform(),
        dict(type='EasyHardPair')
    ])
    assert [type(t)
            for t in built] == [LoadImage, RandomBBoxTransform, EasyHardPair]
    assert build_transforms(Compose(built)) == built
    assert build_transforms([]) == []
    crop = dict(type=TopdownAffine, input_size=(24, 32))
    assert isinstance(build_transforms([crop])[0], TopdownAffine)
