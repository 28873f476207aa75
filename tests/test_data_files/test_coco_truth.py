# Copyright (c) semipose_mm authors.
"""What an evaluation reads into annotations that say too little."""
import copy
import math

import pytest

from semipose_mm.data_files import WARNING, Findings
from semipose_mm.data_files.coco_truth import scoring_truth

ANN = dict(
    id=1,
    image_id=1,
    category_id=1,
    iscrowd=0,
    area=300.,
    num_keypoints=2,
    bbox=[10, 10, 20, 40],
    keypoints=[12, 15, 2, 25, 45, 1, 0, 0, 0])


def mended(*anns, **kwargs):
    """The annotations as they are scored, and the kinds of findings."""
    content = dict(
        annotations=[dict(ANN, **ann) for ann in anns],
        categories=[dict(id=1, name='mouse')])
    before = copy.deepcopy(content)
    findings = Findings(strict=False)
    truth = scoring_truth(content, 'a.json', findings, **kwargs)
    assert repr(content) == repr(before)  # nan is unequal to itself
    return truth, findings.kinds(WARNING)


def test_good_annotations_stay_the_same_objects():
    content = dict(annotations=[ANN], categories=[dict(id=1)])
    findings = Findings(strict=False)
    truth = scoring_truth(content, 'a.json', findings)
    assert truth['annotations'][0] is ANN and not findings.kinds(WARNING)


@pytest.mark.parametrize('area', [0, None, -1, 'x', math.nan, math.inf, 0.02])
def test_the_area_is_that_of_the_box(area):
    truth, kinds = mended(dict(area=area))
    assert truth['annotations'][0]['area'] == 800 and kinds == ['area']


def test_without_a_box_the_joints_tell():
    truth, kinds = mended(
        dict(area=0, bbox=None), dict(bbox=[9, 9, 0, 0], area=0))
    assert [ann['area'] for ann in truth['annotations']] == [13 * 30] * 2
    assert truth['annotations'][0]['bbox'] == [12, 15, 13, 30]
    assert kinds == ['box', 'area']


@pytest.mark.parametrize(
    'joint, labeled',
    [
        ((0, 0, 2), False),  # outside of the box
        ((5, 5, 0.4), True),
        ((5, 5, -1), False),
        ((5, 5, None), False),
        ((math.nan, 5, 2), False),
    ])
def test_which_joints_are_labeled(joint, labeled):
    truth, _ = mended(dict(keypoints=ANN['keypoints'][:6] + list(joint)))
    ann, = truth['annotations']
    assert ann['num_keypoints'] == 2 + labeled
    assert ann['keypoints'][6:] == list(joint if labeled else (0, 0, 0))


def test_a_joint_in_the_corner_of_its_box():
    truth, _ = mended(dict(keypoints=[0, 0, 2], bbox=[0, 0, 20, 20]))
    assert truth['annotations'][0]['num_keypoints'] == 1


def test_counts():
    truth, kinds = mended(dict(num_keypoints=0), dict(num_keypoints=None))
    assert [a['num_keypoints'] for a in truth['annotations']] == [2, 2]
    assert kinds == ['count']
    truth, kinds = mended(dict(num_keypoints=0), recount=False)
    assert truth['annotations'][0]['num_keypoints'] == 0 and not kinds


def test_annotations_without_keypoints_are_regions():
    truth, kinds = mended({}, dict(keypoints=None, iscrowd=None, area=0))
    ann = truth['annotations'][1]
    assert ann['keypoints'] == [0] * 9 and ann['num_keypoints'] == 0
    assert ann['iscrowd'] == 0 and 'area' not in kinds


def test_categories_that_only_annotations_name():
    truth, kinds = mended(dict(category_id=7), dict(category_id=7))
    assert [c['id'] for c in truth['categories']] == [1, 7]
    assert kinds == ['category']
