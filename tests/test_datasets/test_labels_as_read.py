# Copyright (c) semipose_mm authors.
"""What trains is what the one reading gives, and of the images it is of."""
import json
from unittest.mock import patch

import numpy as np
import pytest
from mmengine.dataset import BaseDataset
from PIL import Image
from toy_images import exif

from semipose_mm.data_files import DataError
from semipose_mm.datasets import SemiIndex, UnlabeledPoseDataset
from semipose_mm.datasets.images.bad_images import BadImageError


@pytest.fixture
def change(data_root, tmp_path, semi_cfg):
    """A function that changes labels and images in a copy of its own."""
    content = json.loads((data_root / 'labeled.json').read_text())
    (tmp_path / 'images').mkdir()
    for path in (data_root / 'images').iterdir():
        (tmp_path / 'images' / path.name).symlink_to(path)
    for name in ('images.json', 'boxes.json'):
        (tmp_path / name).symlink_to(data_root / name)
    for name in ('labeled', 'unlabeled'):
        semi_cfg[name]['data_root'] = str(tmp_path)

    def change(function):
        function(content)
        (tmp_path / 'labeled.json').write_text(json.dumps(content))
        return content

    change(lambda content: None)
    return change


def turn(path, size=(60, 50)):
    """Put an image in the place of another; EXIF turns it."""
    path.unlink()
    Image.new('RGB', size).save(path, exif=exif())


class TestLabels:

    def odd(self, content):
        one, two = content['annotations'][:2]
        one['keypoints'][2::3] = [-1] * 5 + [2] * 12
        one['num_keypoints'] = 0
        two.update(num_keypoints=None, area=None)
        two['keypoints'][3:6] = [0, 0, 2]

    @pytest.mark.parametrize('lazy', [False, True])
    @pytest.mark.parametrize('combined', [False, True])
    def test_mended(self, change, build_semi, semi_cfg, coco_metainfo, lazy,
                    combined):
        change(self.odd)
        labeled = dict(semi_cfg['labeled'], lazy_init=lazy)
        if combined:
            labeled = dict(
                type='CombinedDataset',
                metainfo=coco_metainfo,
                pipeline=labeled['pipeline'],
                datasets=[dict(labeled, pipeline=[])])
        dataset = build_semi(labeled=labeled)
        assert dataset.num_labeled == 5
        part = dataset.labeled.datasets[0] if combined else dataset.labeled
        infos = [BaseDataset.get_data_info(part, i) for i in range(5)]
        visible = np.concatenate([i['keypoints_visible'] for i in infos])
        assert visible.min() == 0 and visible.max() == 1
        assert visible.sum(1).tolist() == [12, 16, 17, 17, 17]
        assert not visible[1, 1] and infos[1]['area'] == 40 * 30
        sample = dataset[SemiIndex(0, (0, ), 1)]['data_samples']['labeled']
        assert (sample.gt_instance_labels.keypoint_weights >= 0).all()

    def test_part_of_a_combination_is_named(self, change, build_semi, semi_cfg,
                                            coco_metainfo):
        good = dict(semi_cfg['labeled'], pipeline=[])
        change(lambda c: c['annotations'][3].update(keypoints=7))
        with pytest.raises(
                DataError,
                match=r'labeled.datasets\[0\].ann_file .*\[3\].keypoints is'):
            build_semi(
                labeled=dict(
                    type='CombinedDataset',
                    metainfo=coco_metainfo,
                    pipeline=semi_cfg['labeled']['pipeline'],
                    datasets=[good]))

    def test_mmpose_reads_alone_afterwards(self, change, build_semi):
        from mmpose.datasets.datasets.base import base_coco_style_dataset
        stock = (
            base_coco_style_dataset.BaseCocoStyleDataset._load_annotations,
            base_coco_style_dataset.COCO)
        build_semi()
        change(lambda c: c['annotations'][3].update(keypoints=7))
        with pytest.raises(DataError):
            build_semi()
        assert stock == (
            base_coco_style_dataset.BaseCocoStyleDataset._load_annotations,
            base_coco_style_dataset.COCO)

    def test_other_order(self, change, build_semi, coco_metainfo):
        info = coco_metainfo['keypoint_info'].values()
        names = [one['name'] for one in info]
        change(lambda c: c['categories'][0].update(keypoints=names))
        assert build_semi().num_labeled == 5
        change(lambda c: c['categories'][0].update(keypoints=names[::-1]))
        with pytest.raises(DataError, match='labeled.ann_file .*another ord'):
            build_semi()

    def test_numbers_add_up(self, change, build_semi, semi_cfg):

        def odd(content):
            content['annotations'][0]['iscrowd'] = 1
            content['annotations'][1]['bbox'] = None

        change(odd)
        with patch('semipose_mm.datasets.label_check.print_log') as log:
            build_semi(labeled=dict(semi_cfg['labeled'], indices=2))
        assert log.call_args[0][0].endswith(
            '2 of 5 annotations of labeled.json are used, with 34 labeled '
            'joints on 2 images; left out: 1 crowd, 1 without a box, 1 by '
            'indices, filter_cfg or sample_interval')


class TestSizes:

    @pytest.mark.parametrize('cache', [0, 100])
    def test_labeled_stops(self, change, build_semi, tmp_path, cache):
        turn(tmp_path / 'images' / '002.png')
        with pytest.raises(
                DataError,
                match='dataset.labeled: .*002.png. is 50 x 60 .* '
                '60 x 50.*EXIF'):
            build_semi()
        # an image that was not looked at before
        with patch('semipose_mm.datasets.label_check.HEADERS', 2):
            dataset = build_semi(labeled_cache_mb=cache)
        assert dataset[SemiIndex(1, (4, ), 3)]
        for _ in range(2):
            with pytest.raises(BadImageError, match='002.png. .*60 x 50'):
                dataset[SemiIndex(2, (4, ), 3)]

    def test_labeled_by_a_stated_size(self, change, build_semi):
        change(lambda c: c['images'][1].update(width=120, height=100))
        with pytest.raises(DataError, match='001.png. is 60 x 50 .*another'):
            build_semi()

    def test_unlabeled_is_left_out(self, change, build_semi, tmp_path):
        turn(tmp_path / 'images' / '009.png')
        dataset = build_semi()
        sample, = dataset[SemiIndex(1, (4, ), 3)]['data_samples']['unlabeled']
        assert sample.id != 4
        with pytest.raises(BadImageError, match='009.png. is 50 x 60'):
            build_semi(max_bad_images=0)[SemiIndex(1, (4, ), 3)]
        for i in range(5, 17):
            turn(tmp_path / 'images' / f'{i:03d}.png')
        with pytest.raises(
                DataError, match=r'dataset.unlabeled: .*\(12 of 12 images'):
            build_semi()

    def test_pixels_as_stored(self, change, build_semi, tmp_path,
                              pipeline_cfg):
        """Who ignores the orientation has labels for that."""
        turn(tmp_path / 'images' / '002.png')
        pipeline_cfg[0]['color_type'] = 'color_ignore_orientation'
        assert build_semi()[SemiIndex(2, (4, ), 3)]


class TestPartlyLabeled:

    def test_rest_is_unlabeled(self, change, tmp_path, coco_metainfo):
        """Boxes where there are any, else the whole image."""

        def part(content):
            for i in range(3):
                content['annotations'][i]['keypoints'] = [0] * 51
            content['annotations'][0]['bbox'] = [5, 6, 10, 12]
            del content['annotations'][1]['bbox']
            del content['annotations'][2]

        change(part)
        cfg = dict(
            ann_file='labeled.json',
            data_root=str(tmp_path),
            data_prefix=dict(img='images'),
            metainfo=coco_metainfo)
        dataset = UnlabeledPoseDataset(without_labels=True, **cfg)
        boxes = [dataset.get_data_info(i) for i in range(len(dataset))]
        assert [box['img_id'] for box in boxes] == [0, 1, 2]
        assert np.concatenate([box['bbox'] for box in boxes]).tolist() == [
            [5, 6, 15, 18], [0, 0, 59, 49], [0, 0, 59, 49]
        ]  # yapf: disable
        with pytest.raises(ValueError, match='without_labels .*detections'):
            UnlabeledPoseDataset(
                without_labels=True, bbox_file='boxes.json', **cfg)

    def test_nothing_is_left(self, change, tmp_path, coco_metainfo):
        with pytest.raises(
                DataError, match='no instance .*5 on images with labels'):
            UnlabeledPoseDataset(
                ann_file='labeled.json',
                data_root=str(tmp_path),
                data_prefix=dict(img='images'),
                metainfo=coco_metainfo,
                without_labels=True)
