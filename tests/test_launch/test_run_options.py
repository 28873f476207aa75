# Copyright (c) semipose_mm authors.
"""A run goes on with the options that it began with."""
import pytest

from semipose_mm.cli import build_parser
from semipose_mm.data_files import DataError
from semipose_mm.launch.run_options import keep_options, take_options


def parse(*words):
    return build_parser('train').parse_args(['a.py', *words])


@pytest.mark.parametrize('given, expected, said', [
    ([], dict(seed=0, amp=True, cfg_options=dict(a=1, b=[2, 3])),
     ['--amp', '--seed 0', "--cfg-options {'a': 1, 'b': [2, 3]}"]),
    (['--seed', '5', '--cfg-options', 'a=4'
      ], dict(seed=5, amp=True, cfg_options=dict(
          a=4, b=[2, 3])), ['--amp', "--cfg-options {'b': [2, 3]}"]),
    (['--seed', '5', '--amp', '--cfg-options', 'a=4', 'b=5'
      ], dict(seed=5, amp=True, cfg_options=dict(a=4, b=5)), []),
])
def test_what_is_given_comes_first(tmp_path, given, expected, said):
    keep_options(
        parse('--seed', '0', '--amp', '--cfg-options', 'a=1', 'b=[2,3]'),
        tmp_path)
    args = parse('--resume', *given)
    assert take_options(args, tmp_path) == said
    assert {name: getattr(args, name) for name in expected} == expected


def test_values_stay_what_they_are(tmp_path):
    words = ['a=(1,2)', 'b=[(3,4),[5]]', 'c=()', 'd=x', 'e=1.5', 'f=None']
    given = parse('--cfg-options', *words)
    assert given.cfg_options['b'] == [(3, 4), [5]]
    keep_options(given, tmp_path)
    args = parse('--resume')
    take_options(args, tmp_path)
    assert args.cfg_options == given.cfg_options


def test_paths_are_those_of_where_it_began(tmp_path, monkeypatch):
    (tmp_path / 'data').mkdir()
    monkeypatch.chdir(tmp_path)
    keep_options(parse('--data-root', 'data'), 'work')
    monkeypatch.chdir(tmp_path / 'data')
    args = parse('--resume')
    take_options(args, tmp_path / 'work')
    assert args.data_root == str(tmp_path / 'data')


def test_a_named_checkpoint_comes_before_what_it_began_with(tmp_path):
    keep_options(parse('--cfg-options', 'load_from=a.pth', 'b=1'), tmp_path)
    args = parse('--resume', 'c.pth')
    take_options(args, tmp_path)
    assert args.cfg_options == dict(b=1)


@pytest.mark.parametrize('text', ['[]', '{"seed": 1', 'null'])
def test_another_file_of_that_name(tmp_path, text):
    (tmp_path / 'options.json').write_text(text)
    with pytest.raises(DataError, match='options.json'):
        take_options(parse('--resume'), tmp_path)


def test_a_run_without(tmp_path):
    args = parse('--resume')
    assert take_options(args, tmp_path) == [] and args.seed is None
