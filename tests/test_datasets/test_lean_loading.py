# Copyright (c) semipose_mm authors.
"""Items are those of the stock transforms; images are held in memory."""
import json
import os
import pickle
from copy import deepcopy
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from mmengine.dataset import BaseDataset, pseudo_collate
from mmpose.registry import DATASETS
from PIL import Image
from test_semi_dataset import same
from torch.utils.data import DataLoader
from toy_images import BAD, READABLE

from semipose_mm.data_files.images import ImageFault, image_fault, read_image
from semipose_mm.datasets import SemiIndex, seeded
from semipose_mm.datasets.images.image_cache import ImageCache
from semipose_mm.datasets.pipeline import derive_unlabeled
from semipose_mm.datasets.preparing import prepare_data


@pytest.fixture
def stock(semi_cfg):
    """A function that makes an item from MMPose's own datasets."""
    labeled = DATASETS.build(deepcopy(semi_cfg['labeled']))
    unlabeled = DATASETS.build(
        dict(semi_cfg['unlabeled'], metainfo=labeled.metainfo))
    unlabeled.pipeline = derive_unlabeled(labeled.pipeline,
                                          semi_cfg['sources'])[0]
    names = [type(t).__name__ for t in labeled.pipeline.transforms]
    assert {'LoadImage', 'RandomFlip', 'GenerateTarget'} <= set(names)

    def item(index):
        with seeded(index.seed, 0, 0):
            one = labeled.prepare_data(index.labeled)
        with seeded(index.seed, 1, 0):
            other = unlabeled.prepare_data(index.unlabeled[0])
        return one, other

    return item


class TestItems:

    @pytest.mark.parametrize('sigma', [1, 1.5])
    @pytest.mark.parametrize(
        'direction',
        ['horizontal', 'vertical', 'diagonal', ['horizontal', 'vertical']])
    def test_are_those_of_stock(self, semi_cfg, pipeline_cfg, request,
                                direction, sigma):
        pipeline_cfg[2]['direction'] = direction
        pipeline_cfg[6]['encoder'] = dict(
            pipeline_cfg[6]['encoder'], sigma=sigma)
        semi_cfg['labeled']['pipeline'] = pipeline_cfg
        stock = request.getfixturevalue('stock')
        dataset, flips = DATASETS.build(semi_cfg), set()
        for seed in range(16):  # the second half comes from the cache
            index = SemiIndex(seed % 4, (seed % 12, ), seed)
            labeled, unlabeled = stock(index)
            item = dataset[index]
            assert same(item['inputs']['labeled'], labeled['inputs'])
            assert same(item['data_samples']['labeled'],
                        labeled['data_samples'])
            for name, view in unlabeled['inputs'].items():
                assert same(item['inputs'][name][0], view)
            assert same(item['data_samples']['unlabeled'][0],
                        unlabeled['data_samples'])
            flips.add(labeled['data_samples'].flip_direction)
        assert len(flips) > 1
        assert dataset._cache.get(labeled['data_samples'].img_path).any()

    def test_joints_beyond_the_edge(self, build_semi, stock):
        """Targets of joints that lie partly or wholly outside the map."""
        dataset, weights = build_semi(), set()
        for transform in dataset.labeled.pipeline.transforms:
            if hasattr(transform, 'encoder'):
                break
        lean, codec = transform.encoder, type(transform.encoder).__mro__[1]
        rng = np.random.default_rng(0)
        for _ in range(40):
            points = rng.uniform(-20, 50, (1, 17, 2)).astype(np.float32)
            visible = rng.integers(0, 2, (1, 17)).astype(np.float32)
            ours = lean.encode(points, visible)
            theirs = codec.encode(lean, points, visible)
            assert same(ours, theirs)
            weights.update((ours['keypoint_weights'] - visible).ravel())
        assert weights == {0, -1}

    def test_without_cache(self, build_semi, stock):
        index = SemiIndex(2, (5, ), 8)
        dataset = build_semi(labeled_cache_mb=0)
        assert dataset._cache is None
        assert same(dataset[index], build_semi()[index])

    def test_own_subclass_stays(self, build_semi, pipeline_cfg):
        dataset = build_semi()
        own = type('Own', (type(dataset.pipeline.transforms[2]), ), {})()
        dataset.pipeline = pipeline_cfg[:2] + [own] + pipeline_cfg[3:]
        assert dataset.pipeline.transforms[2] is own

    def test_meta_is_not_shared(self, build_semi):
        """KeypointConverter changes it in place."""
        dataset = build_semi().labeled
        seen = []

        def keep(results):
            seen.append(results)
            results['flip_indices'][0] = 99
            results['skeleton_links'].clear()

        dataset.pipeline.transforms = [keep]
        prepare_data(dataset, 1)
        expected = dataset.get_data_info(1)
        prepare_data(dataset, 1)
        assert expected['flip_indices'][0] == 0 and expected['skeleton_links']
        assert dict(seen[0], **expected).keys() == seen[0].keys()
        assert not same(seen[0]['flip_indices'], expected['flip_indices'])
        assert seen[0]['flip_indices'] is not seen[1]['flip_indices']

    def test_own_prepare_data_is_called(self, build_semi):
        dataset = build_semi().labeled
        with patch.object(
                type(dataset), 'prepare_data', lambda self, index: index):
            assert prepare_data(dataset, 3) == 3


class TestCache:

    def test_holds_copies(self):
        cache = ImageCache(dict(a=(3, 2), b=(4, 5)))
        image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
        assert cache.get('a') is None and cache.get('c') is None
        for path in 'abc':
            cache.put(path, image)  # b has another shape, c no place
        cache.get('a')[:] = 7
        assert np.array_equal(cache.get('a'), image)
        assert cache.get('b') is None and cache.get('c') is None
        cache.put('b', np.zeros((5, 4, 3), np.float32))
        assert cache.get('b') is None

    def test_pickles_empty(self):
        cache = ImageCache(dict(a=(3, 2)))
        cache.put('a', np.ones((2, 3, 3), np.uint8))
        for copy in (pickle.loads(pickle.dumps(cache)), deepcopy(cache)):
            assert copy.get('a') is None and len(copy) == 0
            copy.put('a', np.ones((2, 3, 3), np.uint8))

    def test_workers_share_it(self, build_semi):
        dataset = build_semi()
        path = dataset.labeled.get_data_info(2)['img_path']
        assert dataset._cache.get(path) is None
        loader = DataLoader(
            dataset,
            sampler=[SemiIndex(2, (3, ), 5)],
            num_workers=1,
            collate_fn=pseudo_collate)
        assert len(list(loader)) == 1
        assert np.array_equal(dataset._cache.get(path), cv2.imread(path))

    def test_no_fork(self, build_semi, monkeypatch):
        """There is nothing that workers could share."""
        monkeypatch.setattr('multiprocessing.get_all_start_methods',
                            lambda: ['spawn'])
        # what a spawned worker gets
        with patch('multiprocessing.get_context', side_effect=ValueError):
            assert ImageCache({}).get('a') is None
            dataset = build_semi()
        assert dataset._cache is None and dataset[0]

    def test_worker_that_reads_the_labels(self, semi_cfg):
        """It would hold images that nobody else sees."""
        semi_cfg['labeled']['lazy_init'] = True
        dataset = DATASETS.build(semi_cfg)
        loader = DataLoader(
            dataset,
            sampler=[SemiIndex(2, (3, ), 5)],
            num_workers=1,
            collate_fn=lambda items: items[0]['labeled_cache'])
        with patch.object(
                type(dataset), '__getitem__', lambda self, index: self.
                full_init() or dict(labeled_cache=self._cache is not None)):
            assert list(loader) == [False]
        dataset.full_init()
        assert dataset._cache is not None

    def test_decodes_once(self, build_semi):
        dataset = build_semi()
        with patch(
                'semipose_mm.datasets.transforms.lean_loading.read_image',
                side_effect=read_image) as read:
            for seed in range(3):
                dataset[SemiIndex(1, (2, ), seed)]
        assert read.call_count == 4  # 1 labeled, 3 unlabeled

    @pytest.mark.parametrize('side, held', [(250, 5), (400, None)])
    def test_bound(self, build_semi, semi_cfg, data_root, tmp_path, side,
                   held):
        """Five images of 0.18 and of 0.46 MiB, in 1 MiB."""
        os.mkdir(tmp_path / 'images')
        for i in range(5):
            Image.new('RGB',
                      (side, side)).save(tmp_path / 'images' / f'{i:03d}.png')
        content = json.loads((data_root / 'labeled.json').read_text())
        for one in content['images']:
            one.update(width=side, height=side)
        (tmp_path / 'labeled.json').write_text(json.dumps(content))
        semi_cfg['labeled']['data_root'] = str(tmp_path)
        lines = []
        with patch(
                'semipose_mm.datasets.images.caching.print_log',
                side_effect=lambda msg, **kwargs: lines.append(msg)):
            dataset = build_semi(labeled_cache_mb=1)
        if held is None:
            assert dataset._cache is None
            assert lines[0].endswith('labeled_cache_mb=1 and they need more')
        else:
            assert len(dataset._cache) == held
            assert f'{held} images are held' in lines[0]
        assert dataset[0]

    def test_wrong_bound(self, build_semi):
        with pytest.raises(ValueError, match='labeled_cache_mb is -1'):
            build_semi(labeled_cache_mb=-1)

    def test_other_pixels_are_not_held(self, build_semi, pipeline_cfg):
        for changed in (dict(color_type='unchanged'),
                        dict(imdecode_backend='pillow'),
                        dict(ignore_empty=True)):
            pipeline_cfg[0] = dict(type='LoadImage', **changed)
            assert build_semi()._cache is None

    def test_pipeline_switch_keeps_it(self, build_semi, pipeline_cfg):
        dataset = build_semi()
        dataset.pipeline = pipeline_cfg
        assert dataset.pipeline.transforms[0].cache is dataset._cache

    def test_combination(self, build_semi, semi_cfg, coco_metainfo):
        part = dict(semi_cfg['labeled'], pipeline=[])
        dataset = build_semi(
            labeled=dict(
                type='CombinedDataset',
                metainfo=coco_metainfo,
                datasets=[part, dict(part, indices=2)],
                pipeline=semi_cfg['labeled']['pipeline']))
        assert len(dataset._cache) == 5
        assert same(dataset[SemiIndex(6, (1, ), 4)]['inputs'],
                    build_semi()[SemiIndex(1, (1, ), 4)]['inputs'])


class TestHeader:

    @pytest.mark.parametrize('name', [*READABLE, *BAD])
    def test_verdicts_agree(self, tmp_path, name):
        """With the content read, they are those of the file."""
        path = str(tmp_path / name)
        (READABLE if name in READABLE else BAD)[name][0](path)
        fault = image_fault(path)
        if fault is not None:
            with pytest.raises(ImageFault) as caught:
                read_image(path)
            assert (caught.value.path, caught.value.reason) == (path, fault)
            return
        with open(path, 'rb') as file:
            assert read_image(path) == file.read()

    def test_large_files_are_judged_before_reading(self, tmp_path,
                                                   monkeypatch):
        monkeypatch.setattr('semipose_mm.data_files.images.check.LARGE', 100)
        for name in ('plain.jpg', 'noise.jpg'):
            path = str(tmp_path / name)
            (READABLE if name in READABLE else BAD)[name][0](path)
            if name in READABLE:
                assert read_image(path)
                continue
            with patch('builtins.open', wraps=open) as opened:
                with pytest.raises(ImageFault, match='no image of a known'):
                    read_image(path)
            assert opened.call_count == 1

    def test_pipe_has_no_size(self, tmp_path):
        """It would be waited for."""
        from semipose_mm.data_files.images import image_size
        os.mkfifo(tmp_path / 'a.jpg')
        with pytest.raises(ValueError, match='is no regular file'):
            image_size(str(tmp_path / 'a.jpg'))


def test_plain_records_are_read_once(build_semi):
    dataset = build_semi()
    with patch.object(
            BaseDataset,
            'get_data_info',
            autospec=True,
            side_effect=BaseDataset.get_data_info) as read:
        dataset[SemiIndex(1, (2, ), 3)]
    assert read.call_count == 2
