# Copyright (c) semipose_mm authors.
"""Tests of the command ``semipose`` itself."""
import commands_page
import pytest

from semipose_mm.cli import COMMANDS, main


def test_the_page_is_what_help_prints():
    with open(commands_page.PAGE, encoding='utf-8') as file:
        # lines break in other places with other versions of Python
        assert file.read().split() == commands_page.page().split(), \
            'run python dev/commands_page.py'


@pytest.mark.parametrize('words, expected', [
    (['trains'], 'there is no command trains; there are browse, check, '),
    (['plot'], 'no command plot; there are plot curves, plot predictions'),
    (['plot', 'a'], 'no command plot a; there are plot curves, '),
    (['train', 'a.py', '--sed', '1'], 'unknown option --sed, did you mean '
     '--seed?'),
    (['subset'], 'the following arguments are required: ann_file'),
])
def test_mistakes_give_one_line(words, expected, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    line, rest = capsys.readouterr().err.split('\n')
    assert expected in line and rest == ''


def test_help_lists_all(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert all(f'  {name} ' in text for name in COMMANDS)
