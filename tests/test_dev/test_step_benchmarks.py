# Copyright (c) semipose_mm authors.
"""Tests of the benchmarks of a step: they run, and count what they say."""
import json
from importlib import import_module

import pytest
import torch
from people_toys import own_config
from toy_tools import run_script


@pytest.fixture
def config(people_root, tmp_path):
    path = tmp_path / 'own.py'
    own_config(people_root, tmp_path / 'run').dump(str(path))
    return str(path)


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Results of a benchmark on a config, with options as one text."""

    def run(name, config, options):
        out = str(tmp_path / 'out.json')
        run_script(
            import_module(name),
            *(config, *options.split(), '--out', out),
            monkeypatch=monkeypatch)
        with open(out) as file:
            found = json.load(file)
        assert found['machine']['torch'] == torch.__version__
        return found['results']

    return run


def test_spread_and_turns(monkeypatch):
    measuring = import_module('measuring')
    assert measuring.spread([3., 1., 2.]) == (2., 1., 3.)
    # of ten values the second to the ninth: 97.9 percent
    assert measuring.spread(range(10)) == (4.5, 1., 8.)
    calls = []
    seconds = measuring.in_turns(
        dict(a=lambda: calls.append('a'), b=lambda: calls.append('b')),
        2,
        warm_up=1)
    assert ''.join(calls) == 'baabba'
    assert [len(values) for values in seconds.values()] == [2, 2]
    assert measuring.ratios([2., 6.], [1., 2.]) == (2.5, 2., 3.)


def test_step(config, measured):
    found = measured(
        'step', config,
        '--batch 2 --turns 2 --amp --channels-last --fused --early-backward')
    assert set(found['seconds']) == {'step', 'floor', 'plain'}
    parts = {name: min(values) for name, values in found['parts'].items()}
    assert all(value > 0 for name, value in parts.items() if name != 'other')
    peak = found['peak_mib']
    assert peak['step'] < peak['supervised'] < peak['floor']


def test_supervised_step(config, tmp_path, measured):
    text = open(config).read()
    path = tmp_path / 'supervised.py'
    path.write_text(f'{text}\nmodel.update(routes=[], views=[], warp=None)\n')
    found = measured('step', str(path), '--batch 2 --turns 1')
    assert found['parts']['easy'] == found['parts']['hard'] == [0]
    assert found['peak_mib']['floor'] == found['peak_mib']['supervised']


@pytest.mark.long
def test_end_to_end(config, measured):
    found = measured('end_to_end', config, '--iters 5 --warm-up 5')
    line, = found['lines']
    assert 0 < line['data_time'] < line['time']


@pytest.mark.long
def test_threads(config, measured):
    found = measured('threads', config,
                     '--threads 1 --hog 1 --iters 10 --turns 1')
    assert set(found['seconds']) == {'1', 'found'}
    assert all(value > 0 for value, in found['seconds'].values())
    assert len(found['found']) == 1


def test_busy_programs_end(monkeypatch):
    tool = import_module('threads')
    started = []

    class Process(tool.subprocess.Popen):

        def __init__(self, *args):
            super().__init__(*args)
            started.append(self)

    monkeypatch.setattr(tool.subprocess, 'Popen', Process)
    with pytest.raises(KeyError), tool.hogs(1):
        assert started[0].poll() is None
        raise KeyError
    assert started[0].poll() is not None and len(started) == 1
