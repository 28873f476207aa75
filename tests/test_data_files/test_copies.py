# Copyright (c) semipose_mm authors.
"""Tests of files of equal content."""
from semipose_mm.data_files.copies import Copies


def test_copies(tmp_path):
    contents = dict(a=b'one', b=b'two', c=b'one', d=b'three', e=b'six')
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    a, b, c, d, e, lost = (str(tmp_path / one) for one in [*contents, 'lost'])
    copies = Copies([b, a, c, lost])
    assert copies.possible(e) == [b, a, c] and not any(copies.of(e))
    assert list(copies.of(a)) == [a, c]
    assert copies.possible(d) == copies.possible(lost) == []
    assert list(copies.of(lost)) == []
