# Copyright (c) semipose_mm authors.
"""Files that are written whole or not at all."""
import os

import pytest

from semipose_mm.files import whole_files


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
