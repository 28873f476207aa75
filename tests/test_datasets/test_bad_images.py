# Copyright (c) semipose_mm authors.
"""Tests of odd and damaged images, of image_check, bad_images, fetching."""
import json
import os
import random
import shutil
from unittest.mock import patch

import mmcv
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS, TRANSFORMS
from PIL import Image
from torch.utils.data import DataLoader
from toy_images import BAD, READABLE, exif, save_huge

from semipose_mm.data_files.images import image_fault, image_size, read_image
from semipose_mm.datasets import SemiIndex, UnlabeledPoseDataset
from semipose_mm.datasets.images.bad_images import BadImageError


@TRANSFORMS.register_module()
class BreakFor:
    """A transform that raises an exception for some instances."""

    def __init__(self, ids, error):
        self.ids = ids
        self.error = error

    def __call__(self, results):
        if results['id'] in self.ids:
            raise self.error
        return results


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """PyTorch waits so long for the other workers after one has failed."""
    monkeypatch.setattr('torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL', 1)


@pytest.fixture
def folder(data_root, tmp_path, semi_cfg):
    """The data of `semi_cfg` in a folder of the test's own."""
    shutil.copytree(data_root, tmp_path / 'data')
    for name in ('labeled', 'unlabeled'):
        semi_cfg[name]['data_root'] = str(tmp_path / 'data')
    return tmp_path / 'data' / 'images'


@pytest.fixture
def warned():
    """The warnings about bad images."""
    lines = []
    with patch(
            'semipose_mm.datasets.images.bad_images.print_log',
            side_effect=lambda msg, **kwargs: lines.append(msg)):
        yield lines


def put(name, path):
    """Put an image of the table in the place of another one."""
    table = BAD if name in BAD else READABLE
    own = path.parent / f'own_{name}'
    table[name][0](str(own))
    path.unlink()
    if own.exists():
        os.rename(own, path)


class TestReadable:

    @pytest.mark.parametrize('name', READABLE)
    def test_pixels(self, tmp_path, name):
        write, expected, difference = READABLE[name]
        path, expected = str(tmp_path / name), expected().astype(int)
        write(path)
        assert image_fault(path) is None
        image = mmcv.imread(path, channel_order='rgb')
        assert image.shape == expected.shape and image.dtype == np.uint8
        assert abs(image - expected).mean() <= difference
        assert image_size(path) == image.shape[1::-1]

    @pytest.mark.parametrize('name', READABLE)
    def test_trains(self, build_semi, folder, name):
        """The crops are those of the equal plain RGB image."""
        index, crops = SemiIndex(1, (4, ), 3), []
        write, expected, difference = READABLE[name]
        height, width = expected().shape[:2]
        for path in (folder.parent / 'labeled.json',
                     folder.parent / 'images.json'):
            content = json.loads(path.read_text())
            for one in content['images']:
                if one['file_name'] in ('001.png', '009.png'):
                    one.update(width=width, height=height)
            path.write_text(json.dumps(content))
        for plain in (False, True):
            for place in ('001.png', '009.png'):
                if plain:
                    Image.fromarray(expected()).save(folder / place)
                else:
                    put(name, folder / place)
            inputs = build_semi()[index]['inputs']
            crops.append((inputs['labeled'], inputs['easy']))
        for one, other in zip(*crops):
            assert other.float().std() > 5
            apart = (one.float() - other.float()).abs().mean()
            assert apart <= difference

    @pytest.mark.parametrize('ending', ['.png', '.webp', '.tif', '.jpg'])
    @pytest.mark.parametrize('orientation', range(1, 9))
    def test_whole_box_is_of_the_decoded_image(self, tmp_path, coco_metainfo,
                                               ending, orientation):
        path = str(tmp_path / f'a{ending}')
        Image.new('RGB', (30, 20)).save(path, exif=exif(orientation))
        dataset = UnlabeledPoseDataset(
            data_prefix=dict(img=str(tmp_path)),
            metainfo=coco_metainfo,
            pipeline=[dict(type='LoadImage')])
        item = dataset[0]
        height, width = item['img'].shape[:2]
        assert item['bbox'].tolist() == [[0, 0, width, height]]


class TestBad:

    @pytest.mark.parametrize('name', BAD)
    def test_unlabeled_is_skipped(self, build_semi, folder, warned, name):
        index = SemiIndex(1, (4, ), 77)
        whole = build_semi()[index]
        put(name, folder / '009.png')
        dataset = build_semi()
        item = dataset[index]
        sample = item['data_samples']['unlabeled'][0]
        assert sample.id != 4
        assert len(warned) == 1
        line = warned[0].replace('\n', '|')
        assert line.startswith('train_dataloader.dataset.unlabeled: ')
        assert '009.png' in line and '(1 so far' in line
        pytest.raises(ValueError, self.fail, line).match(BAD[name][1])
        # nothing else is disturbed, and the choice is the item's own
        for key in ('labeled', 'uniforms'):
            assert torch.equal(item['inputs'][key], whole['inputs'][key])
        for other in (dataset, build_semi()):
            random.seed(5), np.random.seed(5)
            again = other[index]
            assert torch.equal(again['inputs']['easy'], item['inputs']['easy'])
            assert again['data_samples']['unlabeled'][0].id == sample.id
        # once in a dataset and its workers
        assert len(warned) == 2

    def test_damage_is_decoded_once(self, build_semi, folder, warned):
        """A damaged image whose header and end are fine."""
        path = folder / '009.png'
        content = bytearray(path.read_bytes())
        content[60:80] = bytes(20)
        path.write_bytes(content)
        assert image_fault(str(path)) is None
        dataset, index = build_semi(), SemiIndex(1, (4, ), 77)
        first, read = dataset[index], []
        assert len(warned) == 1 and '009.png' in warned[0]
        with patch(
                'semipose_mm.datasets.transforms.lean_loading.read_image',
                side_effect=lambda path: read.append(path) or read_image(path)
        ):
            again = dataset[index]
        assert read and str(path) not in read
        assert torch.equal(again['inputs']['easy'], first['inputs']['easy'])

    @staticmethod
    def fail(line):
        raise ValueError(line)

    @pytest.mark.parametrize('name', BAD)
    def test_labeled_stops(self, build_semi, folder, name):
        put(name, folder / '001.png')
        dataset = build_semi()
        with pytest.raises(
                BadImageError,
                match=r'dataset.labeled: .*001.png. \(sample 1\).*' +
                BAD[name][1]):
            dataset[SemiIndex(1, (4, ), 77)]
        # the others are what they were
        assert dataset[SemiIndex(2, (4, ), 77)]

    @pytest.mark.parametrize(
        'name',
        # a pipe has MMPose wait for ever, floats are decoded somehow
        [name for name in BAD if name not in ('pipe.jpg', 'float.tif')])
    def test_stock_evaluation_names_the_file(self, folder, semi_cfg, name):
        """MMPose's own datasets need nothing of ours to name it."""
        put(name, folder / '001.png')
        cfg = semi_cfg['labeled']
        cfg['pipeline'] = [
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='TopdownAffine', input_size=(24, 32)),
            dict(type='PackPoseInputs')
        ]
        loader = DataLoader(
            DATASETS.build(dict(cfg, test_mode=True)),
            num_workers=int(name == 'cut_half.jpg'),
            collate_fn=pseudo_collate)
        with pytest.raises(Exception, match='001.png'):
            list(loader)

    def test_huge_image_is_not_decoded(self, tmp_path):
        path = str(tmp_path / 'huge.png')
        save_huge(path)
        with patch('PIL.ImageFile.ImageFile.load') as load, patch(
                'cv2.imdecode') as decode:
            assert image_fault(path).startswith('is too large')
        assert not load.called and not decode.called

    def test_folder_of_images(self, folder, coco_metainfo, monkeypatch):
        lines = []
        for name, place in (('empty.png', '003.png'), ('cut_half.png',
                                                       '005.png')):
            put(name, folder / place)
        for module in ('reading.reports', 'unlabeled_dataset'):
            monkeypatch.setattr(f'semipose_mm.datasets.{module}.print_log',
                                lambda msg, **kwargs: lines.append(msg))
        dataset = UnlabeledPoseDataset(
            data_prefix=dict(img=str(folder)), metainfo=coco_metainfo)
        assert len(dataset) == 15
        assert '003.png' in lines[0] and '005.png' in lines[0]
        assert lines[1].endswith('left out: 2 that cannot be read')


class TestLimit:

    def test_limit(self, build_semi, folder, warned):
        for place in ('006.png', '007.png', '008.png'):
            put('empty.png', folder / place)
        assert len(list(build_semi(max_bad_images=3))) == 12
        assert [line.split('(')[1].split(' ')[0]
                for line in warned] == ['1', '2', '3']
        dataset = build_semi(max_bad_images=2)
        with pytest.raises(
                BadImageError,
                match=r'has 3 images that cannot be used, more than train_data'
                r'loader.dataset.max_bad_images=2; the last: .*00[678].png. '
                'is empty'):
            list(dataset)

    def test_none_allowed(self, build_semi, folder):
        put('cut_half.jpg', folder / '009.png')
        dataset = build_semi(max_bad_images=0)
        assert dataset[0]
        with pytest.raises(BadImageError, match='max_bad_images=0.*009.png'):
            dataset[SemiIndex(1, (4, ), 77)]
        with pytest.raises(ValueError, match='max_bad_images is -1'):
            build_semi(max_bad_images=-1)

    @pytest.mark.parametrize(
        'context',
        ['fork', pytest.param('spawn', marks=pytest.mark.slow)])
    def test_workers_count_together(self, build_semi, folder, context):
        """Two workers meet two bad images each; the limit is three."""
        for place in ('005.png', '006.png', '007.png', '008.png'):
            put('empty.png', folder / place)
        dataset = build_semi(max_bad_images=3)
        loader = DataLoader(
            dataset,
            batch_sampler=[[0], [1], [2], [3], [4], [5]],
            num_workers=2,
            multiprocessing_context=context,
            timeout=60,
            collate_fn=pseudo_collate)
        with pytest.raises(BadImageError, match='has 4 images'):
            list(loader)

    @pytest.mark.parametrize('limit, num_workers, message', [
        (100, 1, r'0[01][0-9].png. is empty, and 1000 others in its place'),
        (4, 0, 'has 5 images .*max_bad_images=4'),
    ])
    def test_all_bad(self, build_semi, folder, limit, num_workers, message):
        for i in range(5, 17):
            (folder / f'{i:03d}.png').write_bytes(b'')
        loader = DataLoader(
            build_semi(max_bad_images=limit),
            batch_size=4,
            num_workers=num_workers,
            timeout=60 if num_workers else 0,
            collate_fn=pseudo_collate)
        with pytest.raises((BadImageError, RuntimeError), match=message):
            list(loader)


class TestExceptions:

    @pytest.mark.parametrize('part, key, ids, place', [
        ('labeled', 'labeled', [101], '001.png'),
        ('unlabeled', 'unlabeled', [4], '009.png'),
    ])
    @pytest.mark.parametrize('error, kind', [
        (ValueError('of no use'), ValueError),
        (KeyError('of no use'), KeyError),
        (UnicodeDecodeError('utf-8', b'a', 0, 1, 'of no use'), RuntimeError),
        (StopIteration('of no use'), RuntimeError),
    ])
    def test_of_a_pipeline(self, build_semi, part, key, ids, place, error,
                           kind):
        dataset = build_semi()
        getattr(dataset,
                part).pipeline.transforms.insert(2, BreakFor(ids, error))
        with pytest.raises(
                kind,
                match=f'pipeline of train_dataloader.dataset.{key} fails for '
                rf'sample [14] \(.*{place}.*of no use') as caught:
            dataset[SemiIndex(1, (4, ), 77)]
        assert caught.value.__cause__ is error

    def test_of_a_worker(self, build_semi):
        dataset = build_semi()
        dataset.unlabeled.pipeline.transforms.insert(
            2, BreakFor([4], KeyError('of no use')))
        loader = DataLoader(
            dataset,
            sampler=[SemiIndex(1, (4, ), 77)],
            num_workers=1,
            collate_fn=pseudo_collate)
        with pytest.raises(KeyError, match='009.png.*of no use'):
            list(loader)

    def test_own_loader_is_not_judged(self, build_semi, folder, pipeline_cfg):
        """A transform of the user's own may read what we cannot."""

        class Constant:

            def __call__(self, results):
                image = np.zeros((50, 60, 3), np.uint8)
                return dict(
                    results, img=image, img_shape=(50, 60), ori_shape=(50, 60))

        put('noise.jpg', folder / '009.png')
        dataset = build_semi()
        dataset.pipeline = [Constant()] + pipeline_cfg[1:]
        item = dataset[SemiIndex(1, (4, ), 77)]
        assert item['data_samples']['unlabeled'][0].id == 4

    def test_combination(self, build_semi, semi_cfg, coco_metainfo, folder):
        """Resampling draws the same image for the check and the pipeline."""
        put('empty.png', folder / '009.png')
        part = dict(semi_cfg['unlabeled'], metainfo=coco_metainfo)
        dataset = build_semi(
            unlabeled=dict(
                type='CombinedDataset',
                metainfo=coco_metainfo,
                datasets=[part, dict(part, indices=6)],
                sample_ratio_factor=[0.5, 1.]))
        seen = set()
        for seed in range(60):
            sample = dataset[SemiIndex(0, (seed % 6, ), seed)]
            path = sample['data_samples']['unlabeled'][0].img_path
            seen.add(os.path.basename(path))
        assert '009.png' not in seen and {'005.png', '010.png'} <= seen
