# Copyright (c) semipose_mm authors.
"""Tests of mistakes in configs and data: one line, not a traceback."""
import pytest

from semipose_mm.cli import main
from semipose_mm.cli.faults import last_line, one_line
from semipose_mm.cli.parser import ToolParser
from semipose_mm.data_files import DataError

MODEL = "custom_imports = dict(imports=['toy_runner'])\n" \
    "default_scope = 'mmpose'\nmodel = dict(type='ToyModel')\n"
LOADER = 'train_cfg = dict(by_epoch=True, max_epochs=1)\n' \
    "optim_wrapper = dict(type='OptimWrapper', optimizer=dict(" \
    "type='SGD', lr=0.1))\n" \
    'train_dataloader = dict(num_workers=0, batch_size=1, dataset=dict({}), ' \
    "sampler=dict(type='DefaultSampler'))\n"


@pytest.mark.parametrize('text, expected', [
    ('model = dict(', 'cannot be read: SyntaxError'),
    ("_base_ = ['nowhere.py']", 'cannot be read: FileNotFoundError'),
    ('a = 1', 'cannot be built: '),
    (MODEL.replace('ToyModel', 'NoModel'), 'NoModel is not in the '),
    (MODEL + LOADER.format("type='CocoDataset', ann_file='lost.json'"),
     'lost.json'),
    (MODEL + LOADER.format("type='CocoDataset', colour=1"), 'colour'),
])
def test_a_config(text, expected, tmp_path, monkeypatch, capsys, request):
    root = request.config.rootpath
    monkeypatch.syspath_prepend(root / 'tests/toys')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.py').write_text(text)
    with pytest.raises(SystemExit) as end:
        main(['train', 'a.py'])
    assert end.value.code == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith('semipose train: error: a.py ')
    assert expected in line and 'SEMIPOSE_TRACEBACK=1' in line


@pytest.mark.parametrize('text, expected', [
    ('class `A` in a/b.py: class `B` in c.py: what is wrong: 1',
     'what is wrong: 1'),
    ('Caught DataError in DataLoader worker process 0.\nOriginal Traceback '
     '(most recent call last):\n  File "a.py"\nDataError: a: b', 'a: b'),
    ('one\ntwo', 'one two'),
    ('a `b`: c', 'a `b`: c'),
])
def test_what_others_put_before(text, expected):
    assert last_line(DataError(text)) == expected


def test_where_it_was_noticed(monkeypatch):
    monkeypatch.setenv('SEMIPOSE_TRACEBACK', '1')
    with pytest.raises(DataError), one_line(ToolParser(prog='a')):
        raise DataError('b')
