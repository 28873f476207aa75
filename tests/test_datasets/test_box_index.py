# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm.datasets.reading.box_index.py, and of what is read into
it."""
import copy
import json
import pickle
import random

import numpy as np
import pytest
from mmengine.dataset import BaseDataset
from mmpose.datasets import CocoDataset, CombinedDataset

from semipose_mm.datasets import UnlabeledPoseDataset
from semipose_mm.datasets.reading.box_index import BoxIndex, Texts

METAINFO = CocoDataset(lazy_init=True).metainfo
IDS = dict(
    numbers=lambda i: i - 2,
    texts=lambda i: f'im "{i}"',
    both=lambda i: i if i % 2 else f's\u00e9{i}',
    huge=lambda i: (1 << 70) + i)


@pytest.mark.parametrize(
    'texts',
    [[], [''], ['a'], ['', 'ab', ''], ['data/x/1.jpg', 'data/x/12.jpg'],
     ['\u00fc', '\u00e9t\u00e9', '\U0001f600'], ['\ud800b', 'b\udcff']])
def test_texts(texts):
    packed = Texts.pack(texts)
    assert [packed.get(i) for i in range(len(texts))] == texts
    assert packed.count_different() == len(set(texts))


def make_index():
    return BoxIndex.build(['d/a', 'd/b', 'd/c'], [7, 8, 9],
                          np.array([2, 0, 2]), [5, 6, 7],
                          np.arange(12).reshape(3, 4), [0.5, 1, 0.25],
                          [(4, 3), (np.nan, np.nan), (8, 9)])


class TestIndex:

    def test_records(self):
        index = make_index()
        # without the image that has no box
        assert len(index.image_ids) == index.num_files == 2
        assert list(index) == [
            dict(
                img_path=f'd/{name}',
                img_id=img_id,
                id=entry,
                bbox=tuple(range(x, x + 4)),
                bbox_score=score)
            for name, img_id, entry, x, score in (('c', 9, 5, 0,
                                                   0.5), ('a', 7, 6, 4, 1),
                                                  ('c', 9, 7, 8, 0.25))
        ]
        assert type(index[0]['img_id']) is type(index[0]['id']) is int
        assert index[-1] == index[2]
        with pytest.raises(IndexError):
            index[3]

    def test_take(self):
        index = make_index()
        for indices, rows in ((2, [0, 1]), (-1, [2]), (9, [0, 1, 2]),
                              ([1, 1, -1], [1, 1, 2]), ([], [])):
            assert list(index.take(indices)) == [index[i] for i in rows]
        with pytest.raises(IndexError):
            index.take([3])

    @pytest.mark.parametrize(
        'part', [slice(2), slice(-1, None),
                 slice(None, None, -1)])
    def test_slices(self, part):
        index = make_index()
        assert isinstance(index[part], BoxIndex)
        assert list(index[part]) == list(index)[part]

    @pytest.mark.parametrize('change', [
        lambda record: record.__setitem__('bbox', (0, 0, 5, 5)),
        lambda record: record.__delitem__('bbox'),
        lambda record: record.update(bbox=(0, 0, 5, 5)),
        lambda record: record.setdefault('own', 1),
        lambda record: record.pop('bbox'),
        lambda record: record.popitem(),
        lambda record: record.clear(),
    ])
    def test_no_change_is_lost(self, change):
        record = make_index()[0]
        before = dict(record)
        with pytest.raises(TypeError, match=r'\[dict\(record, bbox='):
            change(record)
        assert record == before

    @pytest.mark.parametrize('duplicate', [
        dict, copy.copy, copy.deepcopy, dict.copy,
        lambda record: pickle.loads(pickle.dumps(record))
    ])
    def test_copies_of_a_record_may_change(self, duplicate):
        record = make_index()[0]
        one = duplicate(record)
        assert type(one) is dict and one == record
        one['bbox'] = (0, 0, 5, 5)
        assert one != record

    def test_copies(self):
        index = make_index()
        assert copy.deepcopy(index) is index
        # as workers that are not forked get it
        assert list(pickle.loads(pickle.dumps(index))) == list(index)

    def test_sizes(self):
        index = make_index()
        for part in (index, index[:], index.take([0, 1, 2])):
            sizes = [part.image_size(i) for i in range(3)]
            assert sizes == [(8, 9), (4, 3), (8, 9)]
        index.sizes[:] = np.nan
        assert index.image_size(1) is None

    def test_size(self):
        count = 1000
        index = BoxIndex.build([f'data/{i:012d}.jpg' for i in range(count)],
                               range(count), np.arange(count),
                               np.arange(count), np.zeros((count, 4)),
                               np.ones(count), np.ones((count, 2)))
        # 28 of a box, 24 of an image, and what its name has of its own
        assert index.nbytes < 73 * count


def expected(images, entries, score_thr, max_per_image):
    """The records of a source, by the rules and one after the other."""
    records = {}
    for number, entry in enumerate(entries):
        x, y, width, height = entry['bbox']
        box = [x, y, x + width, y + height]
        image = images[entry['image_id']]
        if 'width' in image:
            limits = (image['width'] - 1, image['height'] - 1) * 2
            box = [min(max(v, 0), limit) for v, limit in zip(box, limits)]
        score = entry.get('score', 1)
        if box[0] < box[2] and box[1] < box[3] and score >= score_thr:
            records.setdefault(entry['image_id'], []).append(
                (-score, number, box))
    chosen = [(number, box, -score, img_id)
              for img_id, found in records.items()
              for score, number, box in sorted(found)[:max_per_image]]
    return sorted(chosen)


@pytest.mark.parametrize('annotated', [False, True])
@pytest.mark.parametrize('ids', list(IDS))
def test_sources(tmp_path, ids, annotated):
    """What comes out is what the file says, whatever is in it."""
    for seed in range(8):
        rng = random.Random(seed)
        images = {}
        for number in range(8):
            entry = dict(
                id=IDS[ids](number),
                file_name=rng.choice(['a/%d.jpg', '\u00fc%d.png']) % number)
            if rng.random() < 0.7:
                entry.update(width=rng.choice([50, 50.5]), height=60)
            images[entry['id']] = entry
        entries = [
            dict(
                image_id=rng.choice(list(images)),
                segmentation=[[1, 2, 3]],
                bbox=[
                    round(rng.uniform(-60, 90), 2),
                    rng.randint(-40, 80),
                    rng.uniform(1, 80),
                    rng.randint(1, 70)
                ]) for _ in range(30)
        ]
        content = dict(images=list(images.values()))
        options = dict(
            score_thr=rng.choice([0, 0.5]),
            max_per_image=rng.choice([None, 1, 2]))
        if annotated:
            content['annotations'] = entries
        else:
            for entry in entries:
                entry['score'] = rng.choice([0.1, 0.5, rng.random()])
            (tmp_path / 'boxes.json').write_text(json.dumps(entries))
        (tmp_path / 'list.json').write_text(json.dumps(content))
        dataset = UnlabeledPoseDataset(
            ann_file='list.json',
            bbox_file=None if annotated else 'boxes.json',
            data_root=str(tmp_path),
            data_prefix=dict(img='img'),
            metainfo=METAINFO,
            **options)
        records = expected(images, entries, **options)
        assert len(dataset) == len(records) > 2
        for index, (number, box, score, img_id) in enumerate(records):
            info = dataset.get_data_info(index)
            path = tmp_path / 'img' / images[img_id]['file_name']
            assert info['img_path'] == str(path)
            assert (info['img_id'], info['id']) == (img_id, number)
            assert type(info['img_id']) is type(img_id)
            assert info['sample_idx'] == index
            np.testing.assert_array_equal(info['bbox'],
                                          np.float32(box).reshape(1, 4))
            np.testing.assert_array_equal(info['bbox_score'],
                                          np.float32([score]))


@pytest.fixture
def cfg(data_root):
    return dict(
        ann_file='images.json',
        bbox_file='boxes.json',
        data_root=str(data_root),
        data_prefix=dict(img='images/'),
        metainfo=METAINFO)


@pytest.fixture
def dataset(cfg):
    return UnlabeledPoseDataset(**cfg)


class TestDataset:

    def test_subsets(self, dataset):
        count = len(dataset)
        for indices, rows in ((3, [0, 1,
                                   2]), (-2, [count - 2,
                                              count - 1]), ([4, 0], [4, 0])):
            part = dataset.get_subset(indices)
            assert [part.get_data_info(i)['id']
                    for i in range(len(part))] == rows
        assert len(dataset) == count
        dataset.get_subset_([5])
        assert len(dataset) == 1 and dataset.get_data_info(0)['id'] == 5
        with pytest.raises(TypeError, match='indices'):
            dataset.get_subset(2.5)

    def test_as_base_dataset(self, dataset):
        info = BaseDataset.get_data_info(dataset, -1)
        assert info['sample_idx'] == len(dataset) - 1
        assert len(info['bbox']) == 4

    def test_combined(self, dataset, cfg):
        cfg['type'] = 'UnlabeledPoseDataset'
        combined = CombinedDataset(
            metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
            datasets=[cfg, dict(cfg, indices=2)])
        assert len(combined) == len(dataset) + 2
        info = combined.get_data_info(len(dataset) + 1)
        assert info['id'] == 1

    def test_metainfo_is_not_changed(self, dataset):
        """KeypointConverter writes into the lists of a record."""
        before = copy.deepcopy(dataset.metainfo)
        info = dataset.get_data_info(0)
        info['flip_indices'][0] = 99
        info['dataset_keypoint_weights'][:] = 0
        info['flip_pairs'].clear()
        after = dataset.metainfo
        assert after['flip_indices'] == before['flip_indices']
        assert after['flip_pairs'] == before['flip_pairs']
        assert dataset.get_data_info(0)['dataset_keypoint_weights'].all()

    def test_own_records(self, data_root):
        """A subclass may read records of its own, as in MMEngine."""

        class Own(UnlabeledPoseDataset):

            def load_data_list(self):
                return [
                    dict(img_path=f'{i}', bbox=(0, 0, 1, 1), bbox_score=1.)
                    for i in range(3)
                ]

        for serialize_data in (True, False):
            dataset = Own(
                metainfo=METAINFO,
                indices=[2, 0],
                serialize_data=serialize_data)
            assert len(dataset) == 2
            assert dataset.get_data_info(0)['img_path'] == '2'
            assert hasattr(dataset, 'data_bytes') == serialize_data

    @pytest.mark.parametrize('serialize_data', [True, False])
    def test_changed_records(self, cfg, serialize_data):
        """A subclass may change what the sources give."""

        class Smaller(UnlabeledPoseDataset):

            def load_data_list(self):
                return [
                    dict(record, bbox=(0, 0, 5, 5))
                    for record in super().load_data_list()
                ]

        class Even(UnlabeledPoseDataset):

            def filter_data(self):
                return [r for r in self.data_list if r['id'] % 2 == 0]

        class Lossy(UnlabeledPoseDataset):

            def load_data_list(self):
                records = super().load_data_list()
                for record in records:
                    record['bbox'] = (0, 0, 5, 5)
                return records

        cfg['serialize_data'] = serialize_data
        whole = UnlabeledPoseDataset(**cfg)
        assert not hasattr(whole, 'data_bytes')
        smaller, even = Smaller(**cfg), Even(**cfg)
        assert len(smaller) == len(whole) == 2 * len(even)
        assert smaller.get_data_info(3)['bbox'].tolist() == [[0, 0, 5, 5]]
        assert even.get_data_info(3)['id'] == 6
        # as MMEngine holds them: in bytes, which workers share
        for dataset in (smaller, even, even.get_subset(2)):
            assert hasattr(dataset, 'data_bytes') == serialize_data
            assert dataset.serialize_data == serialize_data
        with pytest.raises(TypeError, match='cannot be changed'):
            Lossy(**cfg)
