# Copyright (c) semipose_mm authors.
"""dev/gpu_check.py: what it keeps of parts that fail or take long."""
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from toy_tools import ROOT, run_script

#: Of a bare machine that has torch.
THERE = ('filelock', 'matplotlib', 'numpy', 'opencv-python-headless', 'pillow',
         'scipy')


@pytest.fixture
def tool(monkeypatch):
    return import_module('gpu_check')


@pytest.fixture
def run(tool, tmp_path):
    """Runs (name, limit, code) within seconds; tells success and results."""

    def call(seconds, *rows):
        parts = [
            tool.Part(name, limit, [sys.executable, '-c', code, '{out}'],
                      dict(NAME=name)) for name, limit, code in rows
        ]
        (tmp_path / 'scratch').mkdir()
        check = tool.Check(seconds, tmp_path / 'out', tmp_path / 'scratch',
                           dict(device='none'))
        passed = check.run(parts)
        found = json.loads((tmp_path / 'out/gpu_check.json').read_text())
        return passed, found, (tmp_path / 'out/gpu_check.txt').read_text()

    return call


LEAVE = 'import json, sys; json.dump(dict(a=1), open(sys.argv[1], "w"))'


def test_each_part_for_itself(run, tmp_path):
    pid = tmp_path / 'pid'
    endless = ('import os, subprocess, time\n'
               'child = subprocess.Popen(["sleep", "100"])\n'
               f'open({str(pid)!r}, "w").write(str(child.pid))\n'
               'print("begun", flush=True)\n'
               'time.sleep(100)')
    passed, found, text = run(
        30, ('machine', 20, LEAVE),
        ('wrong', 20, 'import os; print(os.environ["NAME"]); os._exit(3)'),
        ('endless', 2, endless), ('long', 900, LEAVE), ('last', 20, 'pass'))
    assert not passed
    states = {part['name']: part['state'] for part in found['parts']}
    assert states == dict(
        machine='passed',
        wrong='failed (3)',
        endless='stopped',
        long='left out',
        last='passed')
    parts = {part['name']: part for part in found['parts']}
    assert parts['machine']['results'] == found['machine'] == dict(a=1)
    assert parts['wrong']['output'] == 'wrong\n'
    assert 'begun' in parts['endless']['output']
    assert 2 <= parts['endless']['seconds'] < 20
    assert found['device'] == 'none' and found['seconds'] < 30
    assert '# a 1\n' in text and '\n| wrong | failed (3) | ' in text
    assert '| long | left out |  |' in text and '## endless: stopped' in text
    for _ in range(50):  # a process that has ended may not be reaped yet
        status = Path(f'/proc/{pid.read_text()}/status')
        if not status.exists() or 'State:\tZ' in status.read_text():
            break
        time.sleep(0.1)
    else:
        pytest.fail('what a stopped part had started goes on')


def test_results_are_written_after_each_part(run, tmp_path):
    path = str(tmp_path / 'out/gpu_check.json')
    copy = f'import shutil, sys; shutil.copy({path!r}, sys.argv[1])'
    passed, found, _ = run(60, ('first', 20, 'pass'), ('second', 20, copy))
    assert passed
    before = found['parts'][1]['results']['parts']
    assert [part['state'] for part in before] == ['passed', 'not yet']


def test_parts_get_what_is_left(run):
    passed, found, _ = run(4, ('only', 10, 'import time; time.sleep(100)'))
    assert not passed
    part, = found['parts']
    assert part['state'] == 'stopped' and part['limit'] <= 4


@pytest.mark.parametrize('device', ['cuda', 'cpu'])
def test_real_parts(tool, tmp_path, device):
    parts = tool.build_parts(device, tmp_path, tmp_path)
    names = [part.name for part in parts]
    assert names[:3] == ['install', 'machine', 'tests']
    assert len(set(names)) == len(names)
    assert parts[0].env['PIP_NO_INDEX'] == '1'
    for word in (word for part in parts for word in part.command):
        if word.endswith('.py'):
            assert os.path.isfile(os.path.join(ROOT, word)), word
    # carried wheels are optional
    assert 'PIP_NO_INDEX' not in tool.build_parts(device, tmp_path / 'none',
                                                  tmp_path)[0].env


def test_an_unknown_part_is_named(tool, tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as info:
        run_script(
            tool, '--out', tmp_path, '--only', 'nine', monkeypatch=monkeypatch)
    assert info.value.code == 2
    assert '--only nine: parts are install, machine' in capsys.readouterr().err


def test_carried_wheels_are_what_is_required(monkeypatch):
    state = import_module('install_state')
    root = Path(ROOT)
    carried = dict(line.split('==') for line in state.read(root, 'gpu_check'))
    monkeypatch.setattr(state, 'version', carried.get)
    for line in state.read(root, 'runtime', 'mminstall'):
        if not line.startswith((*THERE, 'xtcocotools')):
            assert state.satisfied(line), line
