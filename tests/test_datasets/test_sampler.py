# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/sampler.py."""
import time
from collections import Counter
from itertools import chain
from unittest.mock import patch

import pytest
from mmpose.registry import DATA_SAMPLERS

from semipose_mm.datasets import SemiIndex, SemiPoseSampler


class Lengths:
    """A dataset, as far as the sampler looks at it."""

    def __init__(self, num_labeled, num_unlabeled, ratio=1):
        self.num_labeled = num_labeled
        self.num_unlabeled = num_unlabeled
        self.unlabeled_ratio = ratio

    def __len__(self):
        return -(-self.num_unlabeled // max(self.unlabeled_ratio, 1))


def make(*lengths, rank=0, world_size=1, seed=3, **kwargs):
    with patch(
            'semipose_mm.datasets.sampler.get_dist_info',
            return_value=(rank, world_size)):
        return SemiPoseSampler(Lengths(*lengths), seed=seed, **kwargs)


def epoch_of(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def test_pure_function_of_seed_and_epoch():
    first, second = make(7, 40), make(7, 40)
    assert epoch_of(first, 0) != epoch_of(first, 5)
    assert epoch_of(first, 5) == epoch_of(second, 5)
    assert epoch_of(make(7, 40, seed=4), 5) != epoch_of(second, 5)
    # the seed may be set later, as a resume does
    second.seed = 4
    assert epoch_of(second, 5) == epoch_of(make(7, 40, seed=4), 5)


@pytest.mark.parametrize('num_unlabeled, world_size', [(40, 2), (41, 2),
                                                       (41, 4), (3, 8)])
def test_ranks_share_the_positions(num_unlabeled, world_size):
    single = epoch_of(make(7, num_unlabeled), 2)
    ranks = [
        make(7, num_unlabeled, rank=r, world_size=world_size)
        for r in range(world_size)
    ]
    parts = [epoch_of(rank, 2) for rank in ranks]
    in_time = list(chain.from_iterable(zip(*parts)))
    assert {len(part) for part in parts} == {len(ranks[0])}
    assert in_time[:num_unlabeled] == single
    padding = in_time[num_unlabeled:]
    assert padding == (single * world_size)[:len(padding)]


@pytest.mark.parametrize('ratio', [1, 2, 3])
def test_epoch_is_one_pass_over_unlabeled(ratio):
    items = epoch_of(make(7, 40, ratio), 1)
    assert all(len(item.unlabeled) == ratio for item in items)
    drawn = Counter(chain.from_iterable(item.unlabeled for item in items))
    assert set(drawn) == set(range(40))
    # the last item is filled up
    assert sum(drawn.values()) == -(-40 // ratio) * ratio


def test_more_partners_than_unlabeled():
    items = epoch_of(make(7, 3, 5), 0)
    assert len(items) == 1
    assert set(items[0].unlabeled) == {0, 1, 2}


@pytest.mark.parametrize('num_labeled', [1, 7, 30, 100])
def test_labels_are_seen_equally_often_in_time(num_labeled):
    sampler = make(num_labeled, 40)
    seen = Counter({label: 0 for label in range(num_labeled)})
    for epoch in range(6):
        for item in epoch_of(sampler, epoch):
            seen[item.labeled] += 1
            assert max(seen.values()) - min(seen.values()) <= 1
    orders = [tuple(i.labeled for i in epoch_of(sampler, e)) for e in range(3)]
    assert num_labeled == 1 or len(set(orders)) == 3


def test_labeled_stream_does_not_depend_on_ratio():
    streams = []
    for ratio, epochs in ((0, 2), (1, 2), (2, 4), (4, 8)):
        sampler = make(7, 40, ratio)
        items = chain.from_iterable(
            epoch_of(sampler, e) for e in range(epochs))
        streams.append([(item.labeled, item.seed) for item in items])
    assert len(streams[0]) == 80
    assert all(stream == streams[0] for stream in streams)


def test_ratio_zero_has_no_partners():
    assert {item.unlabeled for item in epoch_of(make(7, 40, 0), 0)} == {()}


def test_item_seeds_differ():
    sampler = make(7, 500)
    items = epoch_of(sampler, 0) + epoch_of(sampler, 1)
    assert len({item.seed for item in items}) == 1000
    assert all(0 <= item.seed < 2**63 for item in items)


def test_replacement():
    sampler = make(10, 5000, labeled_replacement=True)
    items = epoch_of(sampler, 0)
    counts = Counter(item.labeled for item in items)
    assert set(counts) == set(range(10))
    # equal counts would be permutations; binomial ones spread by 21
    assert 20 < max(counts.values()) - min(counts.values()) < 200
    assert items == epoch_of(make(10, 5000, labeled_replacement=True), 0)
    # only the labels differ
    others = epoch_of(make(10, 5000), 0)
    assert [i[1:] for i in items] == [i[1:] for i in others]


def test_start_is_one_shot():
    whole = epoch_of(make(7, 40, rank=1, world_size=2), 3)
    sampler = make(7, 40, rank=1, world_size=2)
    sampler.start = 6
    assert epoch_of(sampler, 3) == whole[6:]
    assert sampler.start == 0
    assert epoch_of(sampler, 3) == whole
    assert len(sampler) == 20


def test_start_at_the_end():
    sampler = make(7, 40)
    sampler.start = 40
    assert list(sampler) == []


def test_few_labels_are_not_slow():
    sampler = make(1, 20000)
    start = time.perf_counter()
    assert len(list(sampler)) == 20000
    assert time.perf_counter() - start < 10


def test_built_from_config(build_semi):
    sampler = DATA_SAMPLERS.build(
        dict(type='SemiPoseSampler'),
        default_args=dict(dataset=build_semi(), seed=None))
    assert isinstance(sampler.seed, int)
    item = next(iter(sampler))
    assert isinstance(item, SemiIndex)


def test_stock_dataset_is_refused():
    with pytest.raises(TypeError, match='train_dataloader.sampler.*is a list'):
        SemiPoseSampler([1, 2, 3], seed=0)


def test_no_switch_for_shuffling():
    with pytest.raises(TypeError, match='shuffle'):
        make(7, 40, shuffle=True)
