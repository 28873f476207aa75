# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/data_files/boxes.py."""
import numpy as np
import pytest
from toy_labels import coco, entry

from semipose_mm.data_files import ERROR, WARNING, DataError, Findings
from semipose_mm.data_files.boxes import read_annotations, read_detections
from semipose_mm.data_files.evaluated_boxes import read_evaluated
from semipose_mm.data_files.images import read_images

IMAGES = read_images(coco(), 'x', '', Findings())
CATEGORIES = [dict(id=16, name='bird'), dict(id=57, name='chair')]


def found(image_id=1, **fields):
    return dict(
        dict(image_id=image_id, category_id=16, bbox=[1, 2, 3, 4], score=.5),
        **fields)


def test_no_category_is_never_all():
    boxes = [found(), found(2), found(category_id=57)]
    with pytest.raises(
            DataError,
            match=r'no entry of category_ids=\[1, 0\].*16 \(bird\): 2, 57 '
            r'\(chair\): 1'):
        read_detections(boxes, 'x', IMAGES, Findings(), [1, 0], CATEGORIES)
    with pytest.raises(DataError, match=r'category_ids=\[16\].*categories 1'):
        read_annotations(
            coco(entry(0)), 'x', IMAGES, Findings(), category_ids=[16])
    boxes = read_detections(boxes, 'x', IMAGES, Findings(), [57, 3])
    assert boxes.entries.tolist() == [2]
    assert boxes.left_out == {'of other categories': 2}


@pytest.mark.parametrize('seed', range(5))
def test_numbers_add_up(seed):
    """Whatever is wrong in the entries."""
    rng = np.random.default_rng(seed)
    odd = [
        7,
        found(9),
        found(category_id=None),
        found(bbox=[1, 2, 0, 4]),
        found(bbox='x'),
        found(score=None),
        found(category_id=1),
        found(),
        found(bbox=[1, 2, float('nan'), 4])
    ]
    entries = [odd[i] for i in rng.integers(0, len(odd), 50)] + [found()]
    findings = Findings(False)
    boxes = read_detections(entries, 'x', IMAGES, findings, [16])
    assert len(boxes.images) + sum(boxes.left_out.values()) == 51
    assert boxes.left_out['with errors'] == findings.count(ERROR)
    assert boxes.left_out['of no size'] == findings.count(WARNING) == sum(
        one == found(bbox=[1, 2, 0, 4]) for one in entries)
    assert boxes.xywh.shape == (len(boxes.scores), 4)


@pytest.mark.parametrize('labeled, named, boxes, expected', [
    ([1], {1: 'person'}, [1, 18, 90], {1: 1}),  # as COCO's own
    ([16], {16: 'bird', 18: 'dog'}, [18, 16], {16: 16}),
    ([16, 18], {16: 'bird', 18: 'dog'}, [18, 16, 1], {16: 16, 18: 18}),
    ([16], {16: 'bird'}, [1], {1: 16}),  # as MMPose asks for
    ([], {16: 'bird'}, [1, 16], {1: 1}),  # images of a server
    ([0], {0: 'fly'}, [0, 1], {0: 0}),
    ([16], {1: 'dog', 16: 'bird'}, [1], r"1 'dog' \(1 .*labeled 16 'bird'"),
    ([1], {1: 'person'}, [0, 1], r"0 \(1 boxes\), 1 'person'.*labeled 1"),
    ([16], {16: 'bird'}, [1, 2], "nothing tells.*labeled 16 'bird'"),
    ([16, 18], {16: 'bird', 18: 'dog'}, [1], 'nothing tells'),
])  # yapf: disable
def test_boxes_of_the_labeled_categories(write, labeled, named, boxes,
                                         expected):
    truth = dict(
        coco(*(entry(i, category_id=one) for i, one in enumerate(labeled))),
        categories=[dict(id=key, name=name) for key, name in named.items()])
    # a region without joints is evaluated in no category
    truth['annotations'] += [
        entry(9, category_id=90, keypoints=[0] * 12) for _ in labeled[:1]
    ]
    path = write([found(category_id=one) for one in boxes])
    findings = Findings()
    if isinstance(expected, str):
        with pytest.raises(DataError, match=expected):
            read_evaluated(truth, path, 'bbox_file', IMAGES, findings)
        return
    read, categories = read_evaluated(truth, path, 'bbox_file', IMAGES,
                                      findings)
    used = [one for one in boxes if one in expected]
    assert categories == [expected[one] for one in used]
    assert [boxes[i] for i in read.entries] == used
    assert read.left_out['of other categories'] == len(boxes) - len(used)
    told = expected != {one: one for one in expected}
    assert findings.kinds(WARNING) == ['categories'] * told


def test_evaluated_boxes_of_another_format(write):
    path = write([found(bbox=[40, 30, 55, 45], category_id=1)] * 9)
    with pytest.raises(DataError, match='labels.json. has .*two corners'):
        read_evaluated(coco(entry(0)), path, 'bbox_file', IMAGES, Findings())


def test_on_images_without_labels():
    none = [0] * 12
    boxes = read_annotations(
        coco(
            entry(0), entry(4, keypoints=none), entry(1, keypoints=none),
            entry(5, keypoints=None), entry(2, keypoints=[3, 3, -1] * 4),
            entry(3, bbox=None, keypoints=none)),
        'x',
        IMAGES,
        Findings(),
        without_labels=True)
    assert boxes.entries.tolist() == [2, 3, 4]
    assert boxes.left_out == {'on images with labels': 2, 'without a box': 1}
