# Copyright (c) semipose_mm authors.
"""Tests of which labels are held out."""

import pytest
from import_toys import FIRST, flat

from semipose_mm.data_files import DataError
from semipose_mm.importing.source import Frame, video_of
from semipose_mm.importing.split import choose_split, held_out, val_rule


def frames(**videos):
    """Frames of videos, so many of each."""
    return [
        Frame(f'/data/{video}/img{i}.png', [flat(FIRST)])
        for video, num in videos.items() for i in range(num)
    ]


@pytest.mark.parametrize('path, video, number', [
    ('labeled-data/mouse1/img0012.png', 'mouse1', 12),
    ('mouse1/labeled-data/img12.png', 'mouse1', 12),
    ('day2/images/walk_000004.jpg', 'day2/walk', 4),
    ('day2/frames/frame_7.png', 'day2', 7),
    ('day2/7.png', 'day2', 7),
    ('day2/rat12.png', 'day2', None),
    ('day2/a1f3.png', 'day2', None),
])
def test_video_of(path, video, number):
    assert video_of('/data/' + path) == (video, number)


def test_a_video_leads_nowhere_else():
    frame = Frame('/data/a/img1.png', [], video='../..\\/b/./c')
    assert frame.video == 'b/c'


def test_three_videos_are_split_by_video():
    every = frames(a=10, b=10, c=10, d=10, e=10)
    for seed in range(5):
        split = choose_split(every, None, 0.2, [], seed)
        assert split['rule'] == 'video' and len(split['videos']) == 1
        held = held_out(every, split)
        assert {video for video, _ in held} == set(split['videos'])
        assert len(held) == 10
    chosen = {
        choose_split(every, None, 0.2, [], seed)['videos'][0]
        for seed in range(20)
    }
    assert len(chosen) > 1  # the seed draws


def test_a_video_is_held_out_if_all_are_larger_than_the_share():
    split = choose_split(frames(a=50, b=40, c=60), None, 0.01, [], 0)
    assert split['videos'] == ['b']


@pytest.mark.parametrize('videos', [dict(a=5, b=5, c=5), dict(a=2, b=2)])
def test_something_is_left_to_train_on(videos):
    every = frames(**videos)
    for share in (0.2, 0.9, 0.99):
        held = held_out(every, choose_split(every, None, share, [], 0))
        assert 0 < len(held) < len(every)


def test_fewer_videos_are_split_by_time():
    every = frames(a=20, b=5)
    split = choose_split(every, None, 0.2, [], 0)
    assert split == dict(rule='time', share=0.2, seed=0)
    assert held_out(every, split) == {
        *(('a', f'img{i}.png') for i in range(16, 20)), ('b', 'img4.png')
    }
    few = frames(a=2, b=1)
    assert held_out(few, choose_split(few, None, .1, [],
                                      0)) == {('a', 'img1.png')}


def test_a_random_split_only_if_asked():
    every = frames(a=20)
    split = choose_split(every, 'random', 0.25, [], 3)
    held = held_out(every, split)
    assert len(held) == 5 and held == held_out(every[::-1], split)
    assert held != held_out(every, dict(split, seed=4))


@pytest.mark.parametrize('videos, rule, named, message', [
    (dict(a=1), None, [], 'there are 1 labeled images'),
    (dict(a=5), 'video', [], '--split video needs two videos'),
    (dict(a=5, b=5), None, ['c'], '--val-videos is c; it must be some of a'),
    (dict(a=5, b=5), None, ['b', 'a'], 'and not all'),
])
def test_splits_that_cannot_be(videos, rule, named, message):
    with pytest.raises(DataError, match=message):
        choose_split(frames(**videos), rule, 0.2, named, 0)


def test_what_is_new_is_judged_by_the_span_of_its_video():
    split = dict(rule='time')
    val = frames(a=9)[4:7] + frames(b=1)
    is_held_out = val_rule(split, val[::-1])
    new = frames(a=12, b=2, c=1)
    assert [
        is_held_out(one) for one in new
    ] == 4 * [False] + 3 * [True] + (5 * [False] + [True, False, False])
