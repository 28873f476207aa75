# Copyright (c) semipose_mm authors.
"""Files that are written whole or not at all."""
import json
import multiprocessing
import os
import stat

import numpy as np
import pytest

from semipose_mm.files import (remove_unfinished, whole_files, write_all,
                               write_json, write_text)


def test_files_appear_together(tmp_path):
    paths = [str(tmp_path / 'new' / name) for name in ('a.json', 'b.png')]
    with whole_files(*paths) as temporary:
        assert [p[-5:] for p in temporary] == ['.json', 'b.png']
        for path in temporary:
            with open(path, 'w') as file:
                file.write('content')
        assert not any(os.path.exists(path) for path in paths)
    assert sorted(os.listdir(tmp_path / 'new')) == ['a.json', 'b.png']


def test_a_failure_leaves_what_was_there(tmp_path):
    old = tmp_path / 'a.json'
    old.write_text('old')
    with pytest.raises(RuntimeError):
        with whole_files(str(old), str(tmp_path / 'b.json')) as temporary:
            with open(temporary[0], 'w') as file:
                file.write('half')
            raise RuntimeError
    assert os.listdir(tmp_path) == ['a.json']
    assert old.read_text() == 'old'


def test_a_missing_part_leaves_nothing_of_it(tmp_path):
    paths = [str(tmp_path / name) for name in 'ab']
    with pytest.raises(FileNotFoundError):
        with whole_files(*paths) as temporary:
            with open(temporary[1], 'w') as file:
                file.write('only one')
    assert os.listdir(tmp_path) == []


def test_files_are_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / 'new' / 'a.json'
    write_json(str(path), dict(a=np.float64(0.5), b=[float('nan'), (1, )]))
    assert json.loads(path.read_text()) == dict(a=0.5, b=[None, [1]])

    def fail(*args):
        raise OSError('no space')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError):
        write_text(str(path), 'half')
    assert json.loads(path.read_text())['a'] == 0.5
    assert [p.name for p in path.parent.iterdir()] == ['a.json']


def test_two_writers_of_one_process_number(tmp_path):
    """As in two containers that share a folder."""
    path = str(tmp_path / 'a.bin')
    with whole_files(path) as (one, ), whole_files(path) as (other, ):
        assert one != other
        for part, content in ((one, '1' * 9), (other, '22')):
            with open(part, 'w') as file:
                file.write(content)
    with open(path) as file:
        assert file.read() in ('1' * 9, '22')
    assert os.listdir(tmp_path) == ['a.bin']


@pytest.mark.parametrize('mask', [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_all({str(tmp_path / 'a'): b'content'})
    finally:
        os.umask(before)
    mode = stat.S_IMODE(os.stat(tmp_path / 'a').st_mode)
    assert mode == 0o666 & ~mask


def test_empty_files_are_files(tmp_path):
    write_all({str(tmp_path / 'a'): b''})
    assert (tmp_path / 'a').read_bytes() == b''


def die_writing(path):
    with whole_files(path) as (part, ):
        with open(part, 'w') as file:
            file.write('half')
        os._exit(0)


def test_only_files_of_the_dead_are_removed(tmp_path):
    path = str(tmp_path / 'a.pth')
    process = multiprocessing.get_context('fork').Process(
        target=die_writing, args=(path, ))
    process.start()
    process.join()
    dead, = os.listdir(tmp_path)
    with whole_files(path) as (part, ):
        with open(part, 'w') as file:
            file.write('whole')
        assert remove_unfinished(str(tmp_path), '.json') == []
        assert remove_unfinished(str(tmp_path), '.pth') == [dead]
    assert os.listdir(tmp_path) == ['a.pth']
    assert remove_unfinished(str(tmp_path / 'none'), '.pth') == []


def test_without_locks_age_tells(tmp_path, monkeypatch):
    monkeypatch.setattr('semipose_mm.files.fcntl', None)
    with whole_files(str(tmp_path / 'a.pth')) as (part, ):
        write_text(part, 'whole')
        assert remove_unfinished(str(tmp_path), '.pth') == []
        monkeypatch.setattr('semipose_mm.files._ABANDONED', -1)
        assert remove_unfinished(str(tmp_path),
                                 '.pth') == [os.path.basename(part)]
        write_text(part, 'whole')
