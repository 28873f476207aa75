# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/semi_dataset.py."""
import random
from copy import deepcopy
from unittest.mock import patch

import mmcv.transforms
import numpy as np
import pytest
import torch
from mmdet.engine.hooks import PipelineSwitchHook
from mmengine.dataset import pseudo_collate
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample
from torch.utils.data import DataLoader

from semipose_mm.datasets import (EasyHardPair, RandAugment, SemiIndex,
                                  SemiPoseDataset, SemiPoseSampler,
                                  TrivialAugment, seeded)


@TRANSFORMS.register_module()
class FailFor:
    """A transform that returns None for some instances."""

    def __init__(self, ids):
        self.ids = ids

    def __call__(self, results):
        return None if results['id'] in self.ids else results


def same(one, other):
    """Whether two items or batches are equal in every value."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (torch.Tensor, np.ndarray)):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, PoseDataSample):
        return same(one.metainfo, other.metainfo) and same(
            dict(one.all_items()), dict(other.all_items()))
    if hasattr(one, 'all_items'):  # InstanceData, PixelData
        return same(dict(one.all_items()), dict(other.all_items()))
    return one == other


class TestItem:

    @pytest.mark.parametrize('ratio', [1, 3])
    def test_contents(self, build_semi, ratio):
        dataset = build_semi(unlabeled_ratio=ratio)
        assert isinstance(dataset, SemiPoseDataset)
        item = dataset[SemiIndex(2, tuple(range(4, 4 + ratio)), 123)]
        assert list(item) == ['inputs', 'data_samples']
        inputs, samples = item['inputs'], item['data_samples']
        assert {
            k: tuple(v.shape)
            for k, v in inputs.items()
        } == dict(
            labeled=(3, 32, 24),
            easy=(ratio, 3, 32, 24),
            photo=(ratio, 3, 32, 24),
            uniforms=(ratio, 16),
            labeled_uniforms=(16, ))
        assert {
            k: v.dtype
            for k, v in inputs.items()
        } == dict(
            labeled=torch.uint8,
            easy=torch.uint8,
            photo=torch.uint8,
            uniforms=torch.float32,
            labeled_uniforms=torch.float32)
        assert samples['labeled'].gt_fields.heatmaps.shape == (17, 8, 6)
        assert samples['labeled'].img_id == 2
        assert [s.id
                for s in samples['unlabeled']] == list(range(4, 4 + ratio))
        assert all('gt_fields' not in s for s in samples['unlabeled'])

    def test_collation(self, build_semi):
        dataset = build_semi(unlabeled_ratio=2)
        batch = pseudo_collate([dataset[i] for i in range(3)])
        assert [x.shape[0] for x in batch['inputs']['easy']] == [2] * 3
        assert len(batch['data_samples']['labeled']) == 3
        # the partners become the outer dimension
        assert [[s.id for s in samples]
                for samples in batch['data_samples']['unlabeled']
                ] == [[0, 2, 4], [1, 3, 5]]

    def test_uniforms(self, build_semi):
        dataset = build_semi(unlabeled_ratio=2, num_uniforms=20000)
        uniforms = dataset[SemiIndex(0, (0, 1), 5)]['inputs']['uniforms']
        assert 0 < uniforms.min() and uniforms.max() < 1
        assert abs(uniforms.mean(1) - 0.5).max() < 0.01
        assert not torch.equal(uniforms[0], uniforms[1])
        steps = uniforms.double() * 2**23 - 0.5
        assert torch.equal(steps, steps.round())

    def test_plain_index(self, build_semi):
        dataset = build_semi(unlabeled_ratio=2)
        assert len(dataset) == 6
        assert same(dataset[5], dataset[SemiIndex(0, (10, 11), 5)])
        assert same(dataset[-1], dataset[5])
        assert len(list(dataset)) == 6
        with pytest.raises(IndexError, match='index 6'):
            dataset[6]

    def test_depends_on_its_index_alone(self, build_semi):
        dataset, other = build_semi(), build_semi()
        index = SemiIndex(1, (7, ), 99)
        expected = dataset[index]
        random.seed(1), np.random.seed(2), torch.manual_seed(3)
        other[0]
        assert same(other[index], expected)
        assert not same(other[SemiIndex(1, (7, ), 100)]['inputs'],
                        expected['inputs'])

    def test_global_state_is_undisturbed(self, build_semi):
        dataset = build_semi()
        states = (random.getstate(), np.random.get_state()[1].copy(),
                  torch.get_rng_state())
        dataset[3]
        assert random.getstate() == states[0]
        assert np.array_equal(np.random.get_state()[1], states[1])
        assert torch.equal(torch.get_rng_state(), states[2])

    def test_labeled_part_does_not_depend_on_ratio(self, build_semi):
        streams = []
        for ratio, epochs in ((0, 2), (1, 2), (2, 4)):
            dataset = build_semi(unlabeled_ratio=ratio)
            sampler = SemiPoseSampler(dataset, seed=0)
            items = []
            for epoch in range(epochs):
                sampler.set_epoch(epoch)
                items += [dataset[index] for index in sampler]
            streams.append([[i[k]['labeled'] for k in i] for i in items])
        assert len(streams[0]) == 24
        assert same(streams[1], streams[0])
        assert same(streams[2], streams[0])


class TestLoading:

    @staticmethod
    def two_epochs(dataset, num_workers):
        sampler = SemiPoseSampler(dataset, seed=11)
        loader = DataLoader(
            dataset,
            batch_size=5,
            sampler=sampler,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            collate_fn=pseudo_collate)
        epochs = []
        for epoch in (4, 5):
            sampler.set_epoch(epoch)
            epochs.append(list(loader))
        return epochs

    def test_workers_do_not_matter(self, build_semi):
        dataset = build_semi()
        here = self.two_epochs(dataset, 0)
        assert [len(epoch) for epoch in here] == [3, 3]
        assert same(self.two_epochs(dataset, 2), here)
        assert not same(here[0][0]['inputs'], here[1][0]['inputs'])

    def test_ranks_do_not_matter(self, build_semi):
        dataset = build_semi()
        single = [dataset[i] for i in SemiPoseSampler(dataset, seed=11)]
        for rank in range(2):
            with patch(
                    'semipose_mm.datasets.sampler.get_dist_info',
                    return_value=(rank, 2)):
                sampler = SemiPoseSampler(dataset, seed=11)
            assert same([dataset[i] for i in sampler], single[rank::2])

    def test_runner_builds_it(self, semi_cfg):
        cfg = dict(
            batch_size=4,
            num_workers=0,
            sampler=dict(type='SemiPoseSampler'),
            dataset=semi_cfg)
        loader = Runner.build_dataloader(cfg, seed=3)
        assert loader.sampler.seed == 3
        assert len(loader) == 3
        loader = Runner.build_dataloader(
            dict(cfg, num_batch_per_epoch=2), seed=3)
        batches = list(loader)
        assert len(batches) == len(loader) == 2
        assert loader.dataset.metainfo['num_keypoints'] == 17


class TestBuilding:

    def test_lengths(self, build_semi, semi_cfg):
        lengths = [len(build_semi(unlabeled_ratio=r)) for r in range(6)]
        assert lengths == [12, 12, 6, 4, 3, 3]
        dataset = build_semi(unlabeled_ratio=5)
        assert (dataset.num_labeled, dataset.num_unlabeled,
                dataset.unlabeled_ratio) == (5, 12, 5)
        supervised = build_semi(unlabeled=None, unlabeled_ratio=0)
        assert (len(supervised), supervised.num_unlabeled) == (5, 0)
        assert list(supervised[0]['inputs']) == ['labeled', 'labeled_uniforms']
        assert list(supervised[0]['data_samples']) == ['labeled']

    def test_indices(self, build_semi, semi_cfg):
        dataset = build_semi(
            labeled=dict(semi_cfg['labeled'], indices=2),
            unlabeled=dict(semi_cfg['unlabeled'], indices=3))
        assert (dataset.num_labeled, dataset.num_unlabeled) == (2, 3)

    def test_lazy_init(self, build_semi, semi_cfg):
        dataset = build_semi(
            labeled=dict(semi_cfg['labeled'], lazy_init=True),
            unlabeled=dict(semi_cfg['unlabeled'], lazy_init=True))
        assert not dataset.labeled._fully_initialized
        assert not dataset.unlabeled._fully_initialized
        dataset.full_init()
        assert dataset.labeled._fully_initialized
        assert dataset.unlabeled._fully_initialized
        assert same(dataset[0], build_semi()[0])

    def test_combined(self, build_semi, semi_cfg, coco_metainfo):
        part = dict(semi_cfg['labeled'], pipeline=[])
        combined = dict(
            type='CombinedDataset',
            metainfo=coco_metainfo,
            datasets=[part, dict(part, indices=2)],
            pipeline=semi_cfg['labeled']['pipeline'],
            sample_ratio_factor=[1., 2.])
        dataset = build_semi(labeled=combined)
        assert (dataset.num_labeled, len(dataset)) == (9, 12)
        index = SemiIndex(8, (3, ), 12)
        assert same(dataset[index], dataset[index])
        assert dataset[index]['data_samples']['labeled'].img_id in (0, 1)

    def test_combined_of_loaders(self, build_semi, semi_cfg, coco_metainfo):
        combined = dict(
            type='CombinedDataset',
            metainfo=coco_metainfo,
            datasets=[semi_cfg['labeled']],
            pipeline=[dict(type='PackPoseInputs')])
        with pytest.raises(
                ValueError, match=r'labeled.datasets\[0\].pipeline loads'):
            build_semi(labeled=combined)

    def test_combined_unlabeled(self, build_semi, semi_cfg, coco_metainfo):
        part = dict(semi_cfg['unlabeled'], metainfo=coco_metainfo)
        dataset = build_semi(
            unlabeled=dict(
                type='CombinedDataset',
                metainfo=coco_metainfo,
                datasets=[part, dict(part, indices=3)]))
        assert dataset.num_unlabeled == 15
        assert dataset[14]['inputs']['easy'].shape == (1, 3, 32, 24)

    def test_metainfo(self, build_semi, semi_cfg, coco_metainfo):
        dataset = build_semi()
        assert dataset.metainfo['dataset_name'] == 'coco'
        # by default, that of the labeled dataset is used for both
        assert dataset.unlabeled.metainfo['dataset_name'] == 'coco'

        own = dict(coco_metainfo, dataset_name='own')
        plain = dict(semi_cfg['labeled'])
        del plain['metainfo']
        dataset = build_semi(labeled=plain, metainfo=own)
        assert dataset.metainfo['dataset_name'] == 'own'
        assert dataset.unlabeled.metainfo['dataset_name'] == 'own'
        # their own come first
        dataset = build_semi(metainfo=own)
        assert dataset.metainfo['dataset_name'] == 'coco'
        assert dataset.unlabeled.metainfo['dataset_name'] == 'own'

    def test_number_of_keypoints(self, build_semi, semi_cfg):
        crowdpose = dict(from_file='configs/_base_/datasets/crowdpose.py')
        with pytest.raises(
                ValueError,
                match='labeled has 17 keypoints.*unlabeled has 14'):
            build_semi(
                unlabeled=dict(semi_cfg['unlabeled'], metainfo=crowdpose))

    def test_evaluation_is_left_alone(self, build_semi):
        hub = MessageHub.get_current_instance()
        hub.update_info('coco_ann_file', 'val.json')
        build_semi()[0]
        assert hub.get_info('coco_ann_file') == 'val.json'

    @pytest.mark.parametrize('overrides, message', [
        (dict(unlabeled=None), 'unlabeled is missing.*unlabeled_ratio=0'),
        (dict(unlabeled_ratio=-1), 'unlabeled_ratio is -1'),
        (dict(unlabeled_ratio=1.5), 'unlabeled_ratio is 1.5'),
        (dict(num_uniforms=0), 'num_uniforms is 0'),
        (dict(sources=dict(easy=[])), "sources.*'easy'"),
    ])
    def test_wrong_options(self, build_semi, overrides, message):
        with pytest.raises(ValueError, match=message):
            build_semi(**overrides)

    def test_wrong_parts(self, build_semi, semi_cfg):
        labeled, unlabeled = semi_cfg['labeled'], semi_cfg['unlabeled']
        with pytest.raises(TypeError, match='dataset.labeled must be'):
            build_semi(labeled=[labeled])
        with pytest.raises(TypeError, match='dataset.unlabeled must be'):
            build_semi(unlabeled=[unlabeled])
        with pytest.raises(KeyError, match='NoSuchDataset'):
            build_semi(unlabeled=dict(unlabeled, type='NoSuchDataset'))
        with pytest.raises(ValueError, match='unlabeled has test_mode=True'):
            build_semi(unlabeled=dict(labeled, test_mode=True))
        with pytest.raises(TypeError, match='labeled is a RepeatDataset'):
            build_semi(
                labeled=dict(type='RepeatDataset', dataset=labeled, times=2))
        with pytest.raises(ValueError, match='unlabeled.pipeline ends with'):
            build_semi(
                unlabeled=dict(unlabeled, **{'pipeline': labeled['pipeline']}))
        with pytest.raises(ValueError, match='dataset.sources is for'):
            build_semi(
                unlabeled=dict(
                    unlabeled, pipeline=[dict(type='EasyHardPair')]))
        late_flip = deepcopy(labeled)
        late_flip['pipeline'].insert(6, dict(type='RandomFlip'))
        with pytest.raises(ValueError, match='labeled.pipeline has RandomFl'):
            build_semi(labeled=late_flip)


class TestPipeline:

    def test_derived(self, build_semi):
        lines = []
        with patch(
                'semipose_mm.datasets.pipeline.print_log',
                side_effect=lambda msg, *args: lines.append(msg)):
            dataset = build_semi()
        line, = lines
        assert line.endswith(
            'RandomBBoxTransform, TopdownAffine, without RandomHalfBody, '
            'GenerateTarget, packed by EasyHardPair')
        assert dataset.pipeline is dataset.labeled.pipeline
        assert isinstance(dataset.unlabeled.pipeline.transforms[-1],
                          EasyHardPair)

    @pytest.mark.parametrize('kind', [RandAugment, TrivialAugment])
    def test_labeled_crops_are_augmented(self, build_semi, semi_cfg,
                                         pipeline_cfg, kind):
        """Behind the crop: its pixels change, and nothing else does."""

        def build(*behind):
            pipeline = [*pipeline_cfg[:6], *behind, *pipeline_cfg[6:]]
            return build_semi(
                labeled=dict(semi_cfg['labeled'], pipeline=pipeline),
                sources=dict(photo=[dict(type=kind.__name__)]))

        states, augment = [], kind()

        def remember(results):
            """The random numbers that the augmentation goes on with."""
            if results['keypoints_visible'].any():
                states.append(np.random.get_state())
            return results

        plain, dataset = build(), build(remember, augment)
        index, changed = SemiIndex(2, (4, ), 123), 0
        for seed in range(123, 128):
            index = index._replace(seed=seed)
            one, other = plain[index], dataset[index]
            assert same(other, dataset[index])
            crops = [
                item['inputs'].pop('labeled').permute(1, 2, 0).numpy()
                for item in (one, other)
            ]
            assert same(one, other)
            with seeded(0):
                np.random.set_state(states[-1])
                expected = augment(dict(img=crops[0].copy()))['img']
            assert np.array_equal(crops[1], expected)
            assert len(states) == 2 * (seed - 122)
            changed += not np.array_equal(*crops)
        assert changed >= 3

    def test_explicit(self, build_semi, semi_cfg, pipeline_cfg):
        pipeline = pipeline_cfg[:2] + [
            pipeline_cfg[5],
            dict(type='EasyHardPair', sources=dict(twin=[]))
        ]
        dataset = build_semi(
            unlabeled=dict(semi_cfg['unlabeled'], pipeline=pipeline),
            sources=None)
        inputs = dataset[0]['inputs']
        assert list(inputs) == [
            'labeled', 'labeled_uniforms', 'easy', 'twin', 'uniforms'
        ]
        with pytest.raises(RuntimeError, match='PipelineSwitchHook.*given'):
            dataset.pipeline = pipeline_cfg

    @pytest.mark.parametrize('num_workers', [0, 1])
    def test_switch_hook(self, build_semi, pipeline_cfg, num_workers):
        dataset = build_semi()
        loader = DataLoader(
            dataset,
            batch_size=4,
            sampler=SemiPoseSampler(dataset, seed=0),
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            collate_fn=pseudo_collate)

        class FakeRunner:
            epoch = 0
            train_dataloader = loader
            logger = type('Logger', (), dict(info=print))

        # a larger crop tells the pipelines apart
        switched = deepcopy(pipeline_cfg)
        codec = dict(
            type='MSRAHeatmap',
            input_size=(48, 64),
            heatmap_size=(12, 16),
            sigma=1)
        switched[5]['input_size'] = codec['input_size']
        switched[6]['encoder'] = codec
        hook = PipelineSwitchHook(1, switched)
        shapes = []
        for epoch in range(3):
            FakeRunner.epoch = epoch
            hook.before_train_epoch(FakeRunner)
            for batch in loader:
                shapes.append({
                    tuple(batch['inputs'][k][0].shape[-2:])
                    for k in ('labeled', 'easy', 'photo')
                })
        assert shapes == [{(32, 24)}] * 3 + [{(64, 48)}] * 6

    def test_set(self, build_semi, pipeline_cfg):
        dataset = build_semi()
        before = dataset[2]
        fixed = pipeline_cfg[:2] + pipeline_cfg[5:]
        dataset.pipeline = fixed
        first = dataset[2]
        assert not same(first['inputs'], before['inputs'])
        dataset.pipeline = mmcv.transforms.Compose(fixed)
        assert same(dataset[2], first)
        dataset.pipeline = dataset.pipeline
        assert same(dataset[2], first)
        with pytest.raises(ValueError, match='RandomFlip after'):
            dataset.pipeline = pipeline_cfg[:6] + [dict(type='RandomFlip')]
        assert same(dataset[2], first)


class TestRefetch:

    def failing(self, build_semi, semi_cfg, labeled=(), unlabeled=(),
                **kwargs):
        """Build with instances for which the pipelines return None."""
        dataset = build_semi(
            labeled=dict(semi_cfg['labeled'], **kwargs),
            unlabeled=dict(semi_cfg['unlabeled'], **kwargs))
        dataset.labeled.pipeline.transforms.insert(0, FailFor(labeled))
        dataset.unlabeled.pipeline.transforms.insert(0, FailFor(unlabeled))
        return dataset

    def test_one_half_is_refetched(self, build_semi, semi_cfg):
        index = SemiIndex(1, (4, ), 77)
        whole = build_semi()[index]
        # ids of labeled instances are those of their annotations
        for name, failed, attribute in (('labeled', dict(labeled=[101]),
                                         'img_id'), ('unlabeled',
                                                     dict(unlabeled=[4]),
                                                     'id')):
            dataset = self.failing(build_semi, semi_cfg, **failed)
            item = dataset[index]
            random.seed(5), np.random.seed(5)
            assert same(dataset[index], item)
            samples = item['data_samples']
            sample = samples[name]
            sample = sample[0] if name == 'unlabeled' else sample
            assert getattr(sample, attribute) != index[name == 'unlabeled']
            # the other half is what it was
            other = {'labeled': 'unlabeled', 'unlabeled': 'labeled'}[name]
            assert same(samples[other], whole['data_samples'][other])
            key = dict(labeled='labeled', unlabeled='easy')[other]
            assert same(item['inputs'][key], whole['inputs'][key])
            assert same(item['inputs']['uniforms'],
                        whole['inputs']['uniforms'])

    def test_gives_up(self, build_semi, semi_cfg):
        dataset = self.failing(
            build_semi, semi_cfg, unlabeled=range(12), max_refetch=3)
        with pytest.raises(
                RuntimeError,
                match=r'dataset.unlabeled gives None for sample 4 .*009.png'
                r'.* 3 others'):
            dataset[SemiIndex(1, (4, ), 77)]
        dataset = self.failing(
            build_semi, semi_cfg, labeled=range(100, 105), max_refetch=0)
        with pytest.raises(RuntimeError, match='labeled gives .*001.png'):
            dataset[SemiIndex(1, (4, ), 77)]
