# Copyright (c) semipose_mm authors.
"""Tests of the box rule."""
import pytest

from semipose_mm.data_files import DataError
from semipose_mm.data_files.box_rule import check_box_rule, rule_box

JOINTS = [10., 20., 2, 0., 0., 0, 30., 24., 1]


@pytest.mark.parametrize(
    'rule, keypoints, box',
    [
        (dict(kind='whole'), None, (0, 0, 100, 50)),
        (dict(kind='region', region=[5, 6, 70, 30]), None, (5, 6, 70, 30)),
        # clipped to the image
        (dict(kind='region', region=[5, 6, 970, 930]), None, (5, 6, 95, 44)),
        (dict(kind='keypoints', margin=0), JOINTS, (9, 19, 22, 6)),
        # each side is 0.5 * 20 pixels longer
        (dict(kind='keypoints', margin=.5), JOINTS, (5, 15, 30, 14)),
        (dict(kind='keypoints', margin=4), JOINTS, (0, 0, 70, 50)),
        (dict(kind='keypoints', margin=1), [3., 4., 1], (2, 3, 2, 2)),
    ])
def test_rule_box(rule, keypoints, box):
    rule = check_box_rule(rule, 'box_rule')
    assert rule_box(rule, 100, 50, keypoints) == pytest.approx(box)


@pytest.mark.parametrize('rule, keypoints, message', [
    (dict(kind='region', region=[200, 0, 5, 5]), None, 'gives no box inside'),
    (dict(kind='keypoints', margin=0), [1., 1., 0], 'needs a labeled'),
    (dict(kind='keypoints', margin=0), None, 'needs a labeled'),
])
def test_no_box(rule, keypoints, message):
    with pytest.raises(DataError, match=message):
        rule_box(rule, 100, 50, keypoints)


@pytest.mark.parametrize('rule', [
    None, 'whole',
    dict(),
    dict(kind='tight'),
    dict(kind='whole', margin=1),
    dict(kind='region'),
    dict(kind='region', region=[1, 2, 3]),
    dict(kind='region', region=[1, 2, 0, 3]),
    dict(kind='region', region=[-1, 2, 3, 3]),
    dict(kind='region', region='1234'),
    dict(kind='keypoints'),
    dict(kind='keypoints', margin=-1),
    dict(kind='keypoints', margin=float('nan')),
    dict(kind=['whole'])
])
def test_what_is_no_rule(rule):
    with pytest.raises(DataError, match='^box_rule.*it must be'):
        check_box_rule(rule, 'box_rule')


def test_tuples_of_configs_are_lists():
    rule = check_box_rule(dict(kind='region', region=(1, 2, 3, 4)), 'box_rule')
    assert rule == dict(kind='region', region=[1, 2, 3, 4])
