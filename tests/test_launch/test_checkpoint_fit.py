# Copyright (c) semipose_mm authors.
"""Tests of what a checkpoint tells of the config that it was trained with."""
import pytest
from mmengine.config import Config

from semipose_mm.launch.checkpoint_fit import other_crops


def config(size=(96, 96), **box):
    return Config(
        dict(
            model=dict(head=dict(decoder=dict(input_size=size))),
            test_dataloader=dict(
                dataset=dict(pipeline=[
                    dict(type='LoadImage'),
                    dict(type='GetBBoxCenterScale', **box)
                ]))))


@pytest.mark.parametrize('before, now, told', [
    (config(), config(), []),
    (config(), config(padding=1.25), []),
    (config(), config(
        (256, 192)), ['input_size (96, 96), but the config has (256, 192)']),
    (config(padding=1.), config(),
     ['padding of boxes 1.0, but the config has 1.25']),
])
def test_other_crops(before, now, told):
    meta = dict(cfg='limit = inf\n' + before.pretty_text)
    assert list(other_crops(meta, now)) == told


@pytest.mark.parametrize('text', [
    None, 'model = ', 'model = dict(head=open("x", "w"))', 'a, b = 1, 2',
    'model = dict(head=1 / 0)'
])
def test_other_programs_tell_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(other_crops(dict(cfg=text), config())) == []
    assert list(tmp_path.iterdir()) == []
