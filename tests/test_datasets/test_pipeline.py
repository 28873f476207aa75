# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/pipeline.py."""
import pytest
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from mmpose.datasets.transforms import (LoadImage, PackPoseInputs,
                                        RandomBBoxTransform, TopdownAffine)
from mmpose.registry import TRANSFORMS

from semipose_mm.datasets import EasyHardPair, build_transforms
from semipose_mm.datasets.pipeline import (check_order, derive_unlabeled,
                                           say_easy)


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


@TRANSFORMS.register_module('HoleAlbumentation')
class Albumentation(BaseTransform):
    """Stands for the stock one, whose package is not installed."""

    def transform(self, results):
        return results


@TRANSFORMS.register_module()
class Homemade(BaseTransform):
    """Nobody knows what it does."""

    def transform(self, results):
        return results


LIKE_RTMPOSE = (dict(type='LoadImage'), dict(type='GetBBoxCenterScale'),
                dict(type='RandomFlip'), dict(type='RandomBBoxTransform'),
                dict(type='TopdownAffine', input_size=(24, 32)),
                dict(type='mmdet.YOLOXHSVRandomAug'),
                dict(type='PhotometricDistortion'),
                dict(type='HoleAlbumentation'),
                dict(
                    type='RandomApply',
                    transforms=[dict(type='PhotometricDistortion')]),
                dict(type='PackPoseInputs'))


def names_of(pipeline):
    return [type(t).__name__ for t in pipeline.transforms]


@pytest.fixture
def said(monkeypatch):
    """The lines that were logged."""
    lines = []
    monkeypatch.setattr('semipose_mm.datasets.pipeline.print_log',
                        lambda text, *args: lines.append(text))
    return lines


def test_an_easy_view_is_geometry(said):
    derived, dropped = derive_unlabeled(compose(*LIKE_RTMPOSE), {})
    assert names_of(derived) == [
        'LoadImage', 'GetBBoxCenterScale', 'RandomFlip', 'RandomBBoxTransform',
        'TopdownAffine', 'EasyHardPair'
    ]
    say_easy(derived, dropped, 'dataset')
    line, = said
    assert 'RandomBBoxTransform, TopdownAffine, without YOLOXHSVRandom' in line


def test_an_easy_view_of_all_says_what_it_keeps(said):
    derived, dropped = derive_unlabeled(
        compose(*LIKE_RTMPOSE), {}, easy='labeled')
    assert len(derived.transforms) == len(LIKE_RTMPOSE) and not dropped
    say_easy(derived, dropped, 'dataset')
    warning = said[1]
    for name in ('Albumentation', 'YOLOXHSVRandomAug', 'dataset.easy'):
        assert name in warning


def test_what_nobody_knows_is_kept_and_said(said):
    derived, dropped = derive_unlabeled(
        compose(
            dict(type='LoadImage'), dict(type='Homemade'),
            dict(type='PackPoseInputs')), {})
    assert names_of(derived) == ['LoadImage', 'Homemade', 'EasyHardPair']
    say_easy(derived, dropped, 'dataset')
    warning = said[1]
    assert 'Homemade' in warning and 'unlabeled.pipeline' in warning
    assert 'geometry' not in warning


def test_the_option(build_semi, pipeline_cfg, semi_cfg):
    photo = dict(type='PhotometricDistortion')
    labeled = dict(
        semi_cfg['labeled'],
        pipeline=[*pipeline_cfg[:-1], photo, pipeline_cfg[-1]])
    lengths = [
        len(names_of(build_semi(labeled=labeled, easy=e).unlabeled.pipeline))
        for e in ('geometry', 'labeled')
    ]
    assert lengths[1] == lengths[0] + 1
    with pytest.raises(ValueError, match="easy is 'hard'"):
        build_semi(easy='hard')


def test_an_easy_view_with_its_own_box_makes_the_labeled_one_hard(
        pipeline_cfg):
    pipeline_cfg.insert(6, dict(type='PhotometricDistortion'))
    derived, dropped = derive_unlabeled(
        compose(*pipeline_cfg), {}, [dict(type='EasyAffine')])
    assert dropped == ['RandomHalfBody', 'GenerateTarget']
    assert names_of(derived) == [
        'LoadImage', 'GetBBoxCenterScale', 'RandomFlip', 'HardCrop',
        'EasyAffine', 'TopdownAffine', 'EasyHardPair'
    ]
    assert names_of(derived.transforms[3].pipeline) == [
        'RandomBBoxTransform', 'TopdownAffine', 'PhotometricDistortion'
    ]
    with pytest.raises(ValueError, match='needs TopdownAffine'):
        derive_unlabeled(
            compose(dict(type='LoadImage'), dict(type='PackPoseInputs')), {},
            [])
