# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/unlabeled_dataset.py and its sources."""
import json
import os
import resource
from unittest.mock import patch

import numpy as np
import pytest
from mmengine.logging import MessageHub
from mmpose.datasets import CocoDataset
from mmpose.registry import DATASETS
from PIL import Image

from semipose_mm.datasets import UnlabeledPoseDataset

METAINFO = CocoDataset(lazy_init=True).metainfo


@pytest.fixture
def messages():
    """The lines that the dataset logs."""
    lines = []
    with patch(
            'semipose_mm.datasets.unlabeled_dataset.print_log',
            side_effect=lambda msg, **kwargs: lines.append(msg)):
        yield lines


@pytest.fixture
def files(tmp_path):
    """A function that writes an image list and boxes, and builds on them."""
    images = [
        dict(id=3, file_name='a.jpg', width=100, height=80),
        dict(id=9, file_name='sub/b.jpg', width=100, height=80),
        dict(id=4, file_name='c.jpg'),
    ]

    def build(boxes=None, content=None, metainfo=METAINFO, **kwargs):
        if content is None:
            content = dict(images=images)
        (tmp_path / 'list.json').write_text(json.dumps(content))
        if boxes is not None:
            (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
            kwargs.setdefault('bbox_file', 'boxes.json')
        return UnlabeledPoseDataset(
            ann_file='list.json',
            data_root=str(tmp_path),
            data_prefix=dict(img='img'),
            metainfo=metainfo,
            **kwargs)

    build.images = images
    return build


def det(image_id=3, bbox=(10, 10, 20, 30), score=0.5, category_id=1):
    return dict(
        image_id=image_id,
        bbox=list(bbox),
        score=score,
        category_id=category_id)


def ids(dataset):
    return [dataset.get_data_info(i)['id'] for i in range(len(dataset))]


class TestDetections:

    def test_data_info(self, files, tmp_path):
        dataset = files([det(score=0.25), det(9, (90, -5, 20, 30))])
        assert len(dataset) == 2
        info = dataset.get_data_info(0)
        assert info['img_path'] == str(tmp_path / 'img' / 'a.jpg')
        assert (info['img_id'], info['id']) == (3, 0)
        assert info['bbox'].dtype == info['bbox_score'].dtype == np.float32
        np.testing.assert_array_equal(info['bbox'], [[10, 10, 30, 40]])
        np.testing.assert_array_equal(info['bbox_score'], [0.25])
        assert info['keypoints'].shape == (1, 17, 2)
        assert info['keypoints_visible'].shape == (1, 17)
        assert not info['keypoints'].any()
        assert not info['keypoints_visible'].any()
        assert info['dataset_name'] == 'coco'
        assert len(info['flip_indices']) == 17
        assert {
            'upper_body_ids', 'lower_body_ids', 'flip_pairs',
            'dataset_keypoint_weights', 'skeleton_links'
        } <= set(info)
        assert 'dataset' not in info
        # clipped to the last pixel
        np.testing.assert_array_equal(
            dataset.get_data_info(1)['bbox'], [[90, 0, 99, 25]])
        assert dataset.get_data_info(1)['img_path'].endswith('sub/b.jpg')

    def test_unknown_size_is_not_clipped(self, files):
        info = files([det(4, (-5, 10, 500, 20))]).get_data_info(0)
        np.testing.assert_array_equal(info['bbox'], [[-5, 10, 495, 30]])

    def test_score_and_cap(self, files, messages):
        scores = [0.5, 0.9, 0.5, 0.1, 0.9]
        boxes = [det(score=s) for s in scores] + [det(9, score=0.3)]
        assert ids(files(boxes, score_thr=0.3)) == [0, 1, 2, 4, 5]
        assert ids(files(boxes, max_per_image=1)) == [1, 5]
        # ties are stable, and the file's order is kept
        dataset = files(boxes, score_thr=0.2, max_per_image=3)
        assert ids(dataset) == [0, 1, 4, 5]
        assert messages[-1].startswith(
            'UnlabeledPoseDataset: 4 boxes on 2 images from ')
        assert messages[-1].endswith(
            'left out: 1 below score_thr, 1 beyond max_per_image')

    def test_boxes_that_are_left_out(self, files, messages):
        boxes = [det(bbox=(200, 10, 20, 20)), det(bbox=(1, 2, 0, 4)), det()]
        assert ids(files(boxes)) == [2]
        assert messages[-1].endswith(
            'left out: 1 of no size, 1 outside their image')

    def test_indices(self, files):
        boxes = [det(score=0.1 * i) for i in range(5)]
        assert ids(files(boxes, indices=2)) == [0, 1]
        assert ids(files(boxes, indices=[3, 1],
                         serialize_data=False)) == [3, 1]
        assert ids(files(boxes).get_subset(3)) == [0, 1, 2]
        for wrong in (0, [], [5]):
            with pytest.raises(ValueError, match='indices of Unlabeled'):
                files(boxes, indices=wrong)

    def test_bbox_file_as_it_is(self, files, tmp_path):
        files([det()])
        path = str(tmp_path / 'boxes.json')
        assert len(files(bbox_file=path)) == 1

    def test_lazy_init(self, files):
        dataset = files([det()], lazy_init=True)
        assert not dataset._fully_initialized
        dataset.full_init()
        assert len(dataset) == 1

    @pytest.mark.parametrize('entry, message', [
        (dict(det(), image_id=77), 'image_id is 77.*3 images'),
        (dict(det(), image_id=[3]), r'image_id is \[3\]'),
        ({k: v for k, v in det().items() if k != 'image_id'},
         'image_id is missing'),
        (dict(det(), bbox=[1, float('nan'), 3, 4]),
         r'bbox is \[1, nan, 3, 4\].*four finite numbers'),
        (dict(det(), bbox=[1, 2, 3]), r'bbox is \[1, 2, 3\].*four finite'),
        (dict(det(), bbox=[1, 2, 3, 4, 5]), 'bbox is .*four finite'),
        (dict(det(), bbox='1 2 3 4'), "bbox is '1 2 3 4'"),
        (dict(det(), bbox=None), 'bbox is None'),
        ({k: v for k, v in det().items() if k != 'bbox'},
         'bbox is missing'),
        (det(bbox=[1e300, 0, 5, 5]), 'bbox is .*in pixels, at most'),
        (det(bbox=[0, 0, 10**400, 5]), 'bbox is .*four finite'),
        (det(bbox=[0, 0, float('-inf'), 5]), 'bbox is .*four finite'),
        (det(bbox=[True, 0, 5, 5]), 'bbox is .*four finite'),
        (det(bbox=[1, 2, 3, -4]), 'bbox is .*positive width'),
        (dict(det(), score='high'), "score is 'high'.*finite number"),
        (dict(det(), score=float('inf')), 'score is inf'),
        ({k: v for k, v in det().items() if k != 'score'},
         'score is missing'),
        ([1, 2], 'is a list; it must be a dict'),
    ])  # yapf: disable
    def test_wrong_entries(self, files, entry, message):
        with pytest.raises(ValueError, match=message) as error:
            files([det(), entry])
        assert 'boxes.json' in str(error.value)
        assert 'entry 1' in str(error.value)

    def test_missing_category(self, files):
        entry = det()
        del entry['category_id']
        assert len(files([entry])) == 1
        with pytest.raises(ValueError, match='entry 0.category_id'):
            files([entry], category_ids=[1])

    @pytest.mark.parametrize('boxes', [[], [det(score=0.1)]])
    def test_empty(self, files, boxes):
        with pytest.raises(ValueError, match='no instance in .*boxes.json'):
            files(boxes, score_thr=0.5)

    @pytest.mark.parametrize('bbox, cause', [
        ((.1, .2, .5, .6), 'shares of the width and height'),
        ((60, 50, 95, 75), 'look like two corners'),
    ])
    def test_boxes_of_another_format(self, files, bbox, cause):
        with pytest.raises(ValueError, match=f'boxes.json. has .*{cause}'):
            files([det(bbox=bbox)] * 9)

    def test_wrong_files(self, files, tmp_path):
        with pytest.raises(ValueError, match='boxes.json.*holds a dict'):
            files(dict(boxes=[]))
        (tmp_path / 'boxes.json').write_text('[{"image_id": ')
        with pytest.raises(ValueError, match='bbox_file.*cannot be read'):
            files(bbox_file='boxes.json')
        (tmp_path / 'boxes.json').write_bytes(b'\xff\xfe\x00')
        with pytest.raises(ValueError, match='bbox_file.*cannot be read'):
            files(bbox_file='boxes.json')
        with pytest.raises(ValueError, match='bbox_file.*none.json'):
            files(bbox_file='none.json')


class TestImageList:

    def test_missing(self):
        with pytest.raises(ValueError, match='ann_file.*none.json'):
            UnlabeledPoseDataset(ann_file='none.json', metainfo=METAINFO)


class TestAnnotations:

    def annotate(self, files, *annotations, **kwargs):
        annotations = [
            dict(dict(id=50 + i, image_id=3, bbox=[10, 10, 20, 30]), **a)
            for i, a in enumerate(annotations)
        ]
        content = dict(images=files.images, annotations=annotations)
        return files(content=content, **kwargs)

    def test_drops_are_counted(self, files, messages):
        dataset = self.annotate(files, dict(), dict(iscrowd=1),
                                dict(bbox=[10, 10, 0, 30]),
                                dict(keypoints=[0] * 51, num_keypoints=0),
                                dict(bbox=[10, 10, 20, 0], image_id=9))
        assert ids(dataset) == [0, 3]
        assert dataset.get_data_info(0)['bbox_score'] == [1.]
        assert len(messages) == 1
        assert messages[0].endswith('left out: 1 crowd, 2 of no size')

    def test_keypoints_are_ignored(self, files):
        dataset = self.annotate(files, dict(keypoints=[5, 5, 2] * 17))
        info = dataset.get_data_info(0)
        assert not info['keypoints'].any()
        assert not info['keypoints_visible'].any()

    def test_keypoints_only(self, files, messages):
        annotations = (dict(keypoints=[0] * 51),
                       dict(keypoints=[5, 5, 2] + [0] * 48), dict())
        assert ids(self.annotate(files, *annotations)) == [0, 1, 2]
        dataset = self.annotate(files, *annotations, keypoints_only=True)
        assert ids(dataset) == [1]
        assert messages[-1].endswith('left out: 2 without keypoints')
        with pytest.raises(
                ValueError, match=r'annotations\[0\].keypoints is 7'):
            self.annotate(files, dict(keypoints=7), keypoints_only=True)

    def test_keypoints_only_needs_annotations(self, files):
        with pytest.raises(ValueError, match='keypoints_only.*detections'):
            files([], content=dict(images=files.images), keypoints_only=True)
        with pytest.raises(ValueError, match='keypoints_only'):
            UnlabeledPoseDataset(
                metainfo=METAINFO,
                data_prefix=dict(img='x'),
                keypoints_only=True)

    def test_categories(self, files):
        dataset = self.annotate(
            files, dict(category_id=1), dict(category_id=2), category_ids=[2])
        assert ids(dataset) == [1]

    @pytest.mark.parametrize('annotation, message', [
        (dict(bbox=[1, 2, 3]), 'bbox is'),
        (dict(bbox=[1, 2, 3, float('nan')]), 'bbox is'),
        (dict(image_id=77), 'image_id is 77'),
    ])
    def test_wrong_entries(self, files, annotation, message):
        with pytest.raises(
                ValueError, match=r'list.json.*annotations\[1\].*' + message):
            self.annotate(files, dict(), annotation)

    def test_no_annotations(self, files):
        with pytest.raises(ValueError, match='Set bbox_file'):
            files()
        with pytest.raises(ValueError, match='no instance'):
            self.annotate(files, dict(iscrowd=1))

    def test_same_box_as_labeled(self, data_root):
        common = dict(
            ann_file='labeled.json',
            data_root=str(data_root),
            data_prefix=dict(img='images/'))
        labeled = CocoDataset(**common)
        unlabeled = UnlabeledPoseDataset(metainfo=METAINFO, **common)
        assert len(labeled) == len(unlabeled) == 5
        for i in range(5):
            one, other = labeled.get_data_info(i), unlabeled.get_data_info(i)
            assert one['img_path'] == other['img_path']
            np.testing.assert_array_equal(one['bbox'], other['bbox'])
            # all that a pipeline may look at is there
            assert {k
                    for k in one if k not in other} == {
                        'num_keypoints', 'area', 'iscrowd', 'segmentation',
                        'category_id', 'raw_ann_info'
                    }


class TestWholeImages:

    @pytest.fixture
    def folder(self, tmp_path):
        for name, size in (('b.png', (30, 20)), ('a.JPG', (12, 8)),
                           ('sub/c.jpg', (5, 9))):
            path = tmp_path / 'img' / name
            path.parent.mkdir(exist_ok=True, parents=True)
            Image.new('RGB', size).save(path)
        (tmp_path / 'img' / 'notes.md').write_text('no image')
        (tmp_path / 'img' / '._b.png').write_text('no image either')
        return tmp_path

    def build(self, folder, **kwargs):
        return UnlabeledPoseDataset(
            data_root=str(folder),
            data_prefix=dict(img='img'),
            metainfo=METAINFO,
            **kwargs)

    def paths_and_boxes(self, dataset, folder):
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        return [(os.path.relpath(info['img_path'],
                                 folder / 'img'), info['bbox'].tolist())
                for info in infos]

    def test_folder(self, folder):
        dataset = self.build(folder)
        assert self.paths_and_boxes(dataset, folder) == [
            ('a.JPG', [[0, 0, 12, 8]]), ('b.png', [[0, 0, 30, 20]]),
            (os.path.join('sub', 'c.jpg'), [[0, 0, 5, 9]])
        ]
        assert [dataset.get_data_info(i)['img_id']
                for i in range(3)] == [0, 1, 2]

    def test_list(self, folder):
        (folder / 'list.txt').write_text('sub/c.jpg\n\n  b.png \n')
        dataset = self.build(folder, ann_file='list.txt')
        assert self.paths_and_boxes(dataset,
                                    folder) == [('sub/c.jpg', [[0, 0, 5, 9]]),
                                                ('b.png', [[0, 0, 30, 20]])]

    def test_wrong_list(self, folder):
        (folder / 'list.txt').write_text('b.png\n\nnone.png\n')
        with pytest.raises(ValueError, match='line 3.*none.png'):
            self.build(folder, ann_file='list.txt')
        (folder / 'list.txt').write_text('notes.md\n')
        with pytest.raises(ValueError, match='line 1.*notes.md.*as an image'):
            self.build(folder, ann_file='list.txt')
        (folder / 'list.txt').write_text('\n')
        with pytest.raises(ValueError, match='no instance in .*list.txt'):
            self.build(folder, ann_file='list.txt')
        with pytest.raises(ValueError, match='ann_file.*no.txt'):
            self.build(folder, ann_file='no.txt')
        for raw in (b'a.png\0\0', b'\xff\xfe\x00'):
            (folder / 'list.txt').write_bytes(raw)
            with pytest.raises(ValueError, match='list.txt. cannot be read'):
                self.build(folder, ann_file='list.txt')

    def test_wrong_folder(self, folder):
        with pytest.raises(ValueError, match='data_prefix.*no such folder'):
            self.build(folder / 'none')
        (folder / 'empty' / 'img').mkdir(parents=True)
        with pytest.raises(ValueError, match='no instance in .*empty'):
            self.build(folder / 'empty')

    @pytest.mark.parametrize('option', [
        dict(bbox_file='boxes.json'),
        dict(category_ids=[1]),
        dict(score_thr=0.5),
        dict(max_per_image=3)
    ])
    def test_box_options_are_refused(self, folder, option):
        with pytest.raises(ValueError, match=next(iter(option))):
            self.build(folder, **option)


class TestMetainfo:

    def test_is_needed(self, files):
        with pytest.raises(ValueError, match='set its metainfo'):
            files([det()], metainfo=None)

    def test_parsed_one_is_taken(self, files):
        parsed = files([det()]).metainfo
        again = files([det()], metainfo=parsed).metainfo
        assert again['flip_indices'] == parsed['flip_indices']
        assert again['num_keypoints'] == 17

    @pytest.mark.parametrize('option', [
        dict(category_ids=1),
        dict(category_ids='person'),
        dict(max_per_image=0),
        dict(max_per_image=2.5),
        dict(data_prefix='img'),
        dict(data_prefix=dict(img_path=''))
    ])
    def test_wrong_options(self, option):
        with pytest.raises(ValueError, match=next(iter(option))):
            UnlabeledPoseDataset(metainfo=METAINFO, **option)


def test_evaluation_is_left_alone(files):
    hub = MessageHub.get_instance('test_unlabeled')
    before = dict(hub.runtime_info)
    with patch.object(MessageHub, 'get_current_instance', return_value=hub):
        files([det()])
    assert dict(hub.runtime_info) == before


@pytest.mark.skipif(
    'SEMIPOSE_DATA' not in os.environ,
    reason='SEMIPOSE_DATA does not point to the real data')
def test_real_detections():
    root = os.path.join(os.environ['SEMIPOSE_DATA'], 'lspet')
    dataset = DATASETS.build(
        dict(
            type='UnlabeledPoseDataset',
            data_root=root,
            ann_file='annotations/image_info_unlabeled_4000.json',
            bbox_file='annotations/unlabeled_4000_boxes.json',
            data_prefix=dict(img='images/'),
            metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
            pipeline=[dict(type='LoadImage')]))
    assert len(dataset) == 4000
    assert dataset[17]['img'].ndim == 3
    assert dataset[17]['keypoints'].shape == (1, 14, 2)


@pytest.mark.slow
def test_half_a_million(tmp_path):
    """At most 60 us and 3 KiB at the peak for each box."""
    count, rng = 500000, np.random.default_rng(0)
    images = [
        dict(id=i, file_name=f'{i:012d}.jpg', width=640, height=480)
        for i in range(120000)
    ]
    boxes = [
        dict(image_id=i % 120000, category_id=1, bbox=box, score=0.5)
        for i, box in enumerate(
            rng.uniform(1, 300, (count, 4)).round(2).tolist())
    ]
    (tmp_path / 'images.json').write_text(json.dumps(dict(images=images)))
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    del images, boxes
    # a process of its own has a peak of its own
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        used = resource.getrusage(resource.RUSAGE_SELF)
        dataset = UnlabeledPoseDataset(
            ann_file='images.json',
            bbox_file='boxes.json',
            data_root=str(tmp_path),
            data_prefix=dict(img='images'),
            max_per_image=4,
            metainfo=METAINFO)
        now = resource.getrusage(resource.RUSAGE_SELF)
        os.write(
            writer,
            json.dumps([
                len(dataset), now.ru_utime - used.ru_utime,
                1024 * (now.ru_maxrss - used.ru_maxrss)
            ]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    kept, seconds, peak = json.loads(os.read(reader, 1000))
    print(f'{1e6 * seconds / count:.0f} us, {peak / count:.0f} bytes')
    assert kept == 4 * 120000
    assert seconds < 60e-6 * count
    assert peak < 3072 * count
