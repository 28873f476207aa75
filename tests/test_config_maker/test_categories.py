# Copyright (c) semipose_mm authors.
"""Tests of which category is meant: names decide, numbers do not."""
import random
from collections import Counter

import pytest

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.categories import (choose_boxes, choose_labels,
                                               names_by_id)


def boxes(counts, names=(), labels=None, given=()):
    return choose_boxes(
        Counter(counts), dict(names), labels or {1: 'bird'}, given,
        '--boxes-category', '--boxes d.json', Findings())


@pytest.mark.parametrize('counts, labels', [
    ({0: 20, 1: 3}, {1: 'bird'}), ({16: 20, 1: 3}, {1: 'bird'}),
    ({16: 20, 57: 3}, {3: 'bird'}), ({0: 9, 1: 9, 2: 9}, {1: 'bird'}),
    ({0: 9}, {1: 'bird'}), ({1: 9, None: 2}, {1: 'bird'}),
    ({1: 9, 2: 9}, {1: 'bird', 2: 'bee'}),
])  # yapf: disable
def test_numbers_alone_are_asked_about(counts, labels):
    with pytest.raises(DataError) as info:
        boxes(counts, labels=labels)
    text = str(info.value)
    assert all(f'({n} boxes)' in text for n in counts.values())
    assert "'bird'" in text and text.endswith('by --boxes-category ID')


def test_one_number_that_is_the_labels_own():
    assert boxes({1: 5}) == [1]
    assert boxes({3: 5}, labels={3: ''}) == [3]
    assert boxes({None: 5}) is None


def test_an_answer_decides():
    assert boxes({0: 20, 1: 3}, given=['0']) == [0]
    assert boxes({16: 20, 1: 3}, given=[16]) == [16]
    assert boxes({16: 20, 1: 3}, {16: 'Bird', 1: 'man'}, given=['bird']) == \
        [16]
    with pytest.raises(
            DataError,
            match='no boxes of --boxes-category 2; it '
            r'has 0 \(20 boxes\), 1 \(3 boxes\)'):
        boxes({0: 20, 1: 3}, given=['2'])


def test_names_decide_whatever_the_numbering():
    pick = random.Random(0)
    kinds = ['bird', 'cat', 'dog', 'Person', 'bee']
    for _ in range(300):
        ids = pick.sample(range(100), len(kinds))
        names = dict(zip(ids, kinds))
        used = pick.sample(ids, pick.randint(1, 5))
        counts = {one: pick.randint(1, 9) for one in used}
        label = pick.choice(kinds)
        labels = {pick.randint(0, 3): label.swapcase()}
        right = next(key for key in ids if names[key] == label)
        if right in used:
            assert boxes(counts, names, labels) == [right]
            continue
        with pytest.raises(DataError):
            boxes(counts, names, labels)


def test_names_of_another_numbering_do_not_count():
    """A list of images names 1 to 3, and a detector counts from 0."""
    with pytest.raises(DataError, match='nothing tells'):
        boxes({0: 5, 1: 5, 2: 5}, {1: 'bird', 2: 'cat', 3: 'dog'})


def labels(counts, categories, given=()):
    return choose_labels(
        Counter(counts), categories, given, '--category', '--labeled a.json',
        Findings())


def test_labeled_categories():
    same = [dict(id=i, name=f'mouse{i}', keypoints=['a']) for i in (1, 2)]
    other = dict(id=5, name='bird', keypoints=['b'])
    assert names_by_id(same) == {1: 'mouse1', 2: 'mouse2'}
    assert labels({1: 3}, [*same, other]) == [1]
    assert labels({1: 3, 2: 4}, [*same, other]) == [1, 2]
    with pytest.raises(
            DataError, match="1 'mouse1' .3 labeled instances.*"
            'by --category'):
        labels({1: 3, 5: 2}, [*same, other])
    assert labels({1: 3, 5: 2}, [*same, other], ['bird']) == [5]
    with pytest.raises(DataError, match='no labeled instances of --category'):
        labels({1: 3}, [*same, other], ['bird'])
