# Copyright (c) semipose_mm authors.
"""Tests of the scores of several networks as tables and files."""

import numpy as np
import pytest

from semipose_mm.evaluation import format_score, score_table, split_networks


@pytest.mark.parametrize('selected, prefixed', [
    ('net0', []),
    ('net0', ['net1', 'ensemble']),
    ('net1', ['net0', 'ensemble']),
    ('ensemble', ['net0', 'net1']),
    ('net1', ['net0', 'net2', 'ensemble']),
    ('net2', ['net0', 'net1', 'ensemble']),
    ('ensemble', ['net0', 'net1', 'net2']),
])
def test_the_selected_network_is_found(selected, prefixed):
    metrics = {'coco/AP': 0.5, 'AUC': 0.4}
    metrics.update({f'{name}/coco/AP': 0.1 for name in prefixed})
    scores = split_networks(metrics)
    assert set(scores) == {selected, *prefixed}
    assert scores == split_networks(metrics, selected)
    assert scores[selected] == {'coco/AP': 0.5, 'AUC': 0.4}
    assert all(scores[name] == {'coco/AP': 0.1} for name in prefixed)
    # numbers first, ensemble last
    assert list(scores) == sorted(
        scores, key=lambda name: (name == 'ensemble', name))


def test_nothing_to_split():
    assert split_networks({}) == {}


def test_many_networks_are_in_order():
    metrics = {f'net{i}/a': i for i in range(12)}
    names = list(split_networks(dict(metrics, a=0)))
    assert names[-3:] == ['net10', 'net11', 'ensemble']


def test_teachers_are_networks_where_their_names_are_told():
    metrics = {'coco/AP': 0.5, 'ema0/coco/AP': 0.6, 'ensemble/coco/AP': 0.7}
    scores = split_networks(metrics, 'net0', ['ema0', 'snap1'])
    assert scores == {
        'net0': {
            'coco/AP': 0.5
        },
        'ema0': {
            'coco/AP': 0.6
        },
        'ensemble': {
            'coco/AP': 0.7
        }
    }
    assert list(scores) == ['net0', 'ema0', 'ensemble']
    # else the first part of a name is that of a metric
    assert split_networks(metrics, 'net0')['net0'] == {
        'coco/AP': 0.5,
        'ema0/coco/AP': 0.6
    }
    selected = split_networks({'AUC': 1, 'net0/AUC': 2}, 'ema0', ['ema0'])
    assert selected == {'net0': {'AUC': 2}, 'ema0': {'AUC': 1}}


@pytest.mark.parametrize('value, text', [
    (0.12345, '0.1235'),
    (1.0, '1.0000'),
    (87.456, '87.46'),
    (float('nan'), '-'),
    (-1, '-'),
    (None, '-'),
    (np.float32(0.25), '0.2500'),
])
def test_numbers_in_a_table(value, text):
    assert format_score(value) == text


def test_one_table_for_each_prefix():
    scores = split_networks(
        {
            'coco/AP': 0.5,
            'coco/AR': 0.6,
            'AUC': 0.7,
            'net1/coco/AP': 0.55,
            'net1/AUC': 0.75,
        }, 'net0')
    first, second = score_table(scores).split('\n\n')
    cells = [[c.strip() for c in line.strip('|').split('|')]
             for line in first.splitlines()]
    assert cells[0] == ['coco', 'AP', 'AR']
    assert cells[2:] == [['net0', '0.5000', '0.6000'], ['net1', '0.5500', '-']]
    assert 'network' in second and '0.7500' in second and 'AP' not in second
