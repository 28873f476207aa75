# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/data_files/labels."""
import copy
import json
import math

import numpy as np
import pytest
from mmpose.datasets.datasets import BaseCocoStyleDataset
from toy_labels import NAMES, coco, entry
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from semipose_mm.data_files import ERROR, WARNING, DataError, Findings
from semipose_mm.data_files.labels import (labeled_images, labels_of,
                                           read_labels, read_mpii)

METAINFO = dict(
    dataset_name='cats',
    paper_info={},
    keypoint_info={
        i: dict(name=name, id=i, color=[0, 0, 0], type='', swap='')
        for i, name in enumerate(NAMES)
    },
    skeleton_info={},
    joint_weights=[1.] * 4,
    sigmas=[0.05] * 4)


def read(*entries, strict=True, **more):
    findings = Findings(strict)
    return labels_of(coco(*entries, **more), "file 'x'", findings), findings


def flags(labels, number=0):
    return labels.content()['annotations'][number]['keypoints'][2::3]


class TestJoints:

    @pytest.mark.parametrize('odd, taken, kind', [
        (-1, 0, 'negative visibility'), (-0.5, 0, 'negative visibility'),
        (3, 2, 'visibility'), (2., 2, None), (True, 1, None),
    ])  # yapf: disable
    def test_visibilities(self, odd, taken, kind):
        keypoints = entry(0)['keypoints'][:-1] + [odd]
        labels, findings = read(
            entry(0, keypoints=keypoints, num_keypoints=None), entry(1))
        assert flags(labels) == [2, 1, 2, taken]
        assert labels.entries[0].num_keypoints == 3 + bool(taken)
        assert findings.kinds(WARNING) == ([kind] if kind else [])

    @pytest.mark.parametrize('value', [0.3, 0.999, 1.5, 87.2])
    def test_likelihoods_are_refused(self, value):
        keypoints = entry(0)['keypoints'][:-1] + [value]
        with pytest.raises(
                DataError,
                match=rf"file 'x', annotations\[1\].keypoints has {value} .*"
                'likelihoods.*0 .*1 .*2 .*threshold'):
            read(entry(0), entry(1, keypoints=keypoints))

    def test_joint_at_the_origin(self):
        """It is none, unless the box lies there, too."""
        away = [12, 13, 2, 0, 0, 2, 20, 21, 2, 25, 26, 2]
        labels, findings = read(*[
            entry(i, keypoints=away if i < 6 else entry(i)['keypoints'])
            for i in range(7)
        ])
        assert flags(labels) == [2, 0, 2, 2] and flags(labels, 6)[1] == 1
        assert labels.entries[0].num_keypoints == 3
        line, = findings.lines(WARNING)
        assert 'annotations[0]' in line and 'joint 1 (tail) in 6' in line
        assert 'of 7 entries' in line
        labels, findings = read(entry(0, keypoints=away, bbox=[0, -2, 40, 40]))
        assert flags(labels) == [2, 2, 2, 2]

    @pytest.mark.parametrize('declared', [0, 3, 17, 'many'])
    def test_counted_anew(self, declared):
        labels, findings = read(entry(0, num_keypoints=declared), entry(1))
        assert labels.content()['annotations'][0]['num_keypoints'] == 4
        line, = findings.lines(WARNING)
        assert f'is {declared!r}, but 4 joints are labeled' in line
        assert len(labels.used()) == 2

    @pytest.mark.parametrize('nothing', [None, []])
    def test_entries_without(self, nothing):
        """A box alone counts, and the evaluation can ignore its place."""
        bare = entry(1)
        bare['keypoints'] = nothing
        labels, _ = read(entry(0), bare, entry(2, bbox=nothing))
        assert [one.index for one in labels.used()] == [0]
        assert labels.left_out() == {
            'without keypoints': 1,
            'without a box': 1
        }
        assert flags(labels, 1) == [0] * 4
        assert len(labels.content()['annotations']) == 2


class TestArea:

    @pytest.mark.parametrize('area', [0, -3, math.nan, 'large', None])
    def test_from_the_box(self, area):
        one = entry(0)
        one['area'] = area
        labels, findings = read(one, entry(1))
        assert labels.content()['annotations'][0]['area'] == 400
        assert labels.entries[0].area == 400
        assert findings.kinds(WARNING) == ['area']
        assert len(findings.lines(WARNING)) == 1

    def test_missing_is_nothing_to_warn_of(self):
        labels, findings = read(entry(0, area=None))
        assert labels.content()['annotations'][0]['area'] == 400
        assert not findings.count(WARNING)

    def test_perfect_predictions_score_one(self):
        """Whatever fields are missing, null or wrong."""
        entries = [
            entry(0, area=0),
            entry(1, area=None, iscrowd=None),
            entry(2, num_keypoints=0),
            entry(3, num_keypoints=None)
        ]
        entries[3]['area'] = None
        labels, _ = read(*entries)
        truth = COCO()
        truth.dataset = labels.content()
        truth.createIndex()
        found = truth.loadRes([
            dict(
                image_id=e.image_id,
                category_id=1,
                keypoints=e.keypoints,
                score=1.) for e in labels.used()
        ])
        scores = COCOeval(truth, found, 'keypoints', np.full(4, .05))
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
        assert scores.stats[0] == 1


class TestOrder:

    def test_other_order_is_refused(self):
        labels, findings = read(entry(0))
        assert labels.check_order(NAMES, findings)
        assert labels.check_order(['Nose', 'tail', 'LeftPaw', 'right paw'],
                                  findings)
        assert labels.check_order(['a', 'b', 'c', 'd'], findings)
        with pytest.raises(
                DataError,
                match="another order: joint 1 is 'tail' there and "
                "'left_paw' in the metainfo"):
            labels.check_order(['nose', 'left_paw', 'tail', 'right_paw'],
                               findings)

    def test_reordered(self):
        content = coco(entry(0), entry(1))
        content['categories'][0]['skeleton'] = [[1, 2], [3, 4]]
        labels = labels_of(content, 'x', Findings())
        names = ['tail', 'right_paw', 'nose', 'left_paw']
        new = labels.reordered(names)
        assert new['annotations'][1]['keypoints'] == [
            15, 16, 1, 25, 26, 2, 12, 13, 2, 20, 21, 2
        ]
        assert new['categories'][0]['keypoints'] == names
        assert new['categories'][0]['skeleton'] == [[3, 1], [4, 2]]
        again = labels_of(copy.deepcopy(new), 'x', Findings())
        assert again.reordered(NAMES) == labels.content()
        with pytest.raises(DataError, match='cannot be ordered'):
            labels.reordered(['a'] * 4)


def any_entry(rng, number):
    """An annotation that may be used, left out or mended."""
    keypoints = rng.integers(-5, 60, (4, 3))
    keypoints[:, 2] = rng.integers(-1, 3, 4)
    keypoints[rng.random(4) < 0.3] = 0
    one = entry(
        number,
        image_id=int(rng.integers(0, 5)),
        # some end in slivers at the edge of their image
        bbox=(rng.integers(-30, 70, 4) + rng.choice([0, .4, .5], 4)).tolist(),
        keypoints=keypoints.ravel().tolist(),
        iscrowd=int(rng.random() < 0.2),
        category_id=int(rng.integers(1, 3)),
        num_keypoints=int(rng.integers(0, 5)))
    for field in ('area', 'iscrowd', 'num_keypoints', 'bbox', 'keypoints'):
        if rng.random() < 0.1:
            del one[field]
    return one


@pytest.mark.parametrize('seed', range(20))
def test_used_is_what_mmpose_uses(tmp_path, seed):
    """Of the mended content, in its order; and all numbers add up."""
    rng = np.random.default_rng(seed)
    content = coco(*[any_entry(rng, i) for i in range(60)])
    rng.shuffle(content['images'])
    labels = labels_of(content, 'x', Findings())
    path = tmp_path / 'mended.json'
    path.write_text(json.dumps(labels.content()))
    dataset = BaseCocoStyleDataset(
        ann_file=str(path), metainfo=METAINFO, serialize_data=False)
    used = labels.used()
    assert [one['id'] for one in dataset.data_list] == [e.id for e in used]
    for one, e in zip(dataset.data_list, used):
        assert one['keypoints_visible'].sum() == e.num_keypoints > 0
        assert set(np.unique(one['keypoints_visible'])) <= {0, 1}
        assert one['area'] == np.float32(e.area)
    for ids in (None, [1], [2], [7]):
        left_out = labels.left_out(ids)
        assert len(labels.used(ids)) + sum(left_out.values()) == 60
        assert all(left_out.values())


def test_all_faults_are_listed():
    wrong = [
        entry(0),
        entry(0),
        entry(2, image_id=[3]),
        entry(3, bbox=[1, 2]),
        entry(4, keypoints=[1]), 'text',
        entry(6, category_id=None),
        entry(7, keypoints=[5, 5, .5] * 4)
    ]
    labels, findings = read(*wrong, strict=False)
    assert findings.count(ERROR) == 7
    assert [one.index for one in labels.entries] == [0]
    assert labels.left_out() == {'with errors': 7}
    content = labels.content()
    assert len(content['annotations']) == 1


@pytest.mark.parametrize('name, content, message', [
    ('a.csv', b'scorer,x,y', 'is a .csv file.*DeepLabCut.*COCO json'),
    ('a.h5', b'\x89HDF', 'is a .h5 file.*COCO json'),
    ('a.SLP', b'', 'is a .slp file'),
    ('a.mp4', b'', 'is a video.*frames.*as unlabeled'),
    ('a.png', b'\x89PNG', 'is an image.*as unlabeled'),
    ('a.json', b'{"images": [', 'cannot be read as json'),
    ('a.json', b'', 'cannot be read as json'),
    ('a.json', b'\x89PNG\r\n\x1a\n\x00\xff', 'cannot be read as json'),
    ('a.json', b'[' * 100000, 'cannot be read as json'),
    ('a.json', b'null', 'holds null'),
    ('a.json', b'[]', 'holds a list'),
    ('a.json', '{"images": ["\xe4"]}'.encode('latin-1'),
     'cannot be read as json.*UTF-8'),
])  # yapf: disable
@pytest.mark.parametrize('strict', [True, False])
def test_other_files(write, name, content, message, strict):
    path, findings = write(content, name), Findings(strict)
    if strict:
        with pytest.raises(DataError, match=f'--labeled .*{message}') as error:
            read_labels(path, '--labeled', findings)
        assert '\n' not in str(error.value) and path in str(error.value)
    else:
        assert not read_labels(path, '--labeled', findings).entries
        assert findings.count(ERROR) >= 1


def test_folder_and_missing(tmp_path):
    with pytest.raises(DataError, match='is a folder.*unlabeled'):
        read_labels(str(tmp_path), '--labeled', Findings())
    with pytest.raises(DataError, match='no.json. does not exist'):
        read_labels(str(tmp_path / 'no.json'), '--labeled', Findings())


@pytest.mark.parametrize(
    'encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-32'])
def test_encodings(write, encoding):
    content = coco(entry(0), names=('\xe4.png', '1.png', '2.png', '3.png'))
    path = write(json.dumps(content, ensure_ascii=False).encode(encoding))
    labels = read_labels(path, 'ann_file', Findings())
    assert labels.images[0].name == '\xe4.png' and len(labels.used()) == 1


def test_mpii(write):
    good = dict(
        image='015.jpg',
        center=[100., 90.],
        scale=0.5,
        joints=[[90., 80.], [110., 95.]],
        joints_vis=[1, 0])
    wrong = [
        dict(good, image='x.jpg'),
        dict(good, scale=None),
        dict(good, joints_vis=[1]), 7
    ]
    path, findings = write([good, *wrong,
                            dict(good, joints_vis=[0, 0])]), Findings(False)
    labels = read_mpii(path, 'ann_file', findings)
    one, = labels.used()
    assert one.box == [49, 46.5, 100, 100] and one.num_keypoints == 1
    assert findings.count(ERROR) == 4
    assert labels.left_out() == {
        'with errors': 4,
        'without a labeled joint': 1
    }


def test_flags_that_are_no_integers():
    """As numpy writes a list of zeros."""
    entries = [
        dict(image_id=1, keypoints=[0., 0., 0.]),
        dict(image_id=2, keypoints=[3., 4., 2.]),
        dict(image_id=3, keypoints='odd')
    ]
    assert labeled_images(entries) == {2}


class TestWeights:

    def test_are_kept_and_told(self):
        weights = [0, 0.5, 1, 1.]
        labels, findings = read(
            entry(0, keypoint_weights=weights),
            entry(1, keypoint_weights=None))
        assert [one.weights for one in labels.entries] == [weights, None]
        note, = findings.lines('note')
        assert 'keypoint_weights in 1 of 2 entries, 0.625 in' in note
        turned = labels.reordered(NAMES[::-1])['annotations']
        assert turned[0]['keypoint_weights'] == weights[::-1]
        assert 'keypoint_weights' not in turned[1]

    @pytest.mark.parametrize(
        'odd',
        [[1, 1, 1], [1, 1, 1, 1.01], [1, 1, 1, -.1], [1, 1, 1, None], 1, 'x'])
    def test_others_are_refused(self, odd):
        with pytest.raises(
                DataError,
                match=r"file 'x', annotations\[1\].keypoint_weights is .*; it "
                'must be a list of 4 numbers from 0 to 1'):
            read(entry(0), entry(1, keypoint_weights=odd))
