# Copyright (c) semipose_mm authors.
"""Tests of plain checkpoint values."""
import collections
import io

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from semipose_mm.checkpoint import PlainError, from_plain, to_builtin, to_plain


def through_file(obj):
    """Save, load safely and restore."""
    file = io.BytesIO()
    torch.save(to_plain(obj), file)
    file.seek(0)
    return from_plain(torch.load(file, weights_only=True))


@pytest.mark.parametrize('array', [
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.array([1.5, float('nan'), -float('inf')], dtype=np.float16),
    np.asfortranarray(np.random.rand(3, 4)),
    np.arange(3, dtype='>i4'),
    np.array([True, False]),
    np.array([1 + 2j]),
    np.array(['left', 'right_eye']),
    np.array(2.5),
    np.zeros((0, 4), dtype=np.int16),
    np.array([('a', 1.5)], dtype=[('name', 'U4'), ('score', '<f8')]),
])
def test_arrays_come_back_exactly(array):
    back = through_file(array)
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype and back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


def test_object_array():
    array = np.array([None, 'a', 2.5], dtype=object)
    back = through_file(array)
    assert back.dtype == object and back.tolist() == [None, 'a', 2.5]


@pytest.mark.parametrize('value', [
    None, True, 3, -2.5, 'text', 2**70, b'\x00bytes', 1 - 2j, {1, 2},
    frozenset('ab'), (1, (2, [3])),
    torch.Size([1, 2]), torch.float16,
    torch.device('cuda', 1),
    collections.Counter([4, 4, 8]),
    collections.deque([1, 2], maxlen=3),
    collections.OrderedDict(a=1, b=(2, )), {
        (1, 'a'): 0,
        2: {
            '__plain__': 'set'
        }
    }
])
def test_values_come_back_exactly(value):
    back = through_file(value)
    assert type(back) is type(value) and back == value


def test_deque_and_defaultdict_keep_their_parameters():
    assert through_file(collections.deque([1], maxlen=3)).maxlen == 3
    value = collections.defaultdict(list, a=[1])
    back = through_file(value)
    assert back == value and back['new'] == []


def test_numpy_scalars():
    back = through_file([np.float64(0.1), np.int64(3), np.bool_(True)])
    assert back == [0.1, 3, True]
    assert [type(item) for item in back] == [float, int, bool]
    back = through_file(np.float32(0.1))
    assert type(back) is np.float32 and back == np.float32(0.1)


def test_config_dict():
    value = ConfigDict(a=dict(b=[dict(c=1)]))
    back = through_file(value)
    assert type(back) is ConfigDict and back.a.b[0].c == 1


def test_history_buffer():
    buffer = HistoryBuffer([1, 2.5, 3], [1, 2, 1], max_length=4)
    back = through_file(dict(loss=buffer))['loss']
    assert type(back) is HistoryBuffer and back.max_length == 4
    for new, old in zip(back.data, buffer.data):
        assert new.dtype == old.dtype and np.array_equal(new, old)
    back.update(1.)
    back.update(1.)
    assert len(back.data[0]) == 4
    assert back.statistics('max') == 3


def test_tensors_are_shared_and_metadata_survives():
    state = torch.nn.BatchNorm1d(2).state_dict()
    plain = to_plain(state)
    assert plain['weight'] is state['weight']
    assert plain._metadata == state._metadata
    back = through_file(state)
    assert back._metadata['']['version'] == state._metadata['']['version']


@pytest.mark.parametrize('value, path', [
    (dict(a=[object()]), "['a'][0]"),
    (dict(a=lambda: 0), "['a']"),
    ({
        frozenset(): 1
    }, 'key'),
    (dict(a=collections.defaultdict(lambda: 0)), "['a']"),
])
def test_what_has_no_plain_form_is_named(value, path):
    with pytest.raises(PlainError) as info:
        to_plain(value, 'ckpt')
    assert path in str(info.value) and 'ckpt' in str(info.value)


def test_unknown_tag():
    with pytest.raises(PlainError, match='newer version'):
        from_plain({'a': {'__plain__': 'future', 'value': 1}})


def test_builtin_has_no_tags():
    meta = dict(
        sigmas=np.array([0.5, 0.25], dtype=np.float32),
        colors=np.array([[1, 2, 3]], dtype=np.uint8),
        flip_pairs=[(0, 1)],
        names=ConfigDict(a=np.str_('x')),
        count=np.int32(2))
    assert to_builtin(meta) == dict(
        sigmas=[0.5, 0.25],
        colors=[[1, 2, 3]],
        flip_pairs=[(0, 1)],
        names=dict(a='x'),
        count=2)
    assert type(to_builtin(meta)['count']) is int
    with pytest.raises(PlainError, match='metainfo'):
        to_builtin(dict(a=object()), 'metainfo')
