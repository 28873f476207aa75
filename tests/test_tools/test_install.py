# Copyright (c) semipose_mm authors.
"""Tests of the installation: what it recognizes and how it refuses.

Nothing is installed here; the full way is what continuous integration takes.
"""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / 'tools/install.sh'
COMMANDS = ('bash', 'dirname', 'uname', 'awk', 'mktemp', 'rm', 'sed', 'grep',
            'cut', 'sleep', 'stat')


def load(name):
    """Load a script of ``tools/misc`` as a module."""
    spec = importlib.util.spec_from_file_location(
        name, ROOT / f'tools/misc/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path):
    """Copy what the installation reads."""
    folder = tmp_path / 'repo'
    unwanted = shutil.ignore_patterns('__pycache__', '.mim')
    for item in ('tools', 'requirements', 'semipose_mm'):
        shutil.copytree(ROOT / item, folder / item, ignore=unwanted)
    return folder


@pytest.fixture
def commands(tmp_path):
    """Make a PATH of little more than the shell's commands."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in COMMANDS:
        (folder / name).symlink_to(shutil.which(name))
    return folder


def add_command(folder, name, text):
    """Add a shell script to a PATH."""
    (folder / name).write_text(f'#!/bin/bash\n{text}\n')
    (folder / name).chmod(0o755)


def call(checkout, *args, commands, **env):
    """Run install.sh."""
    done = subprocess.run(
        ['bash', str(checkout / 'tools/install.sh'), *args],
        env=dict(env, PATH=str(commands), HOME=str(commands)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True)
    return done.returncode, done.stdout, done.stderr


def assert_refused(answer, *parts):
    """It ends with an error of one line."""
    code, _, err = answer
    assert code == 1
    assert err.startswith('install.sh: error: ') and err.count('\n') == 1, err
    for part in parts:
        assert part in err


def test_wrong_python_on_path(checkout, commands):
    add_command(commands, 'python3', 'echo 3.12')
    add_command(commands, 'python3.10', 'exit 127')
    assert_refused(
        call(checkout, commands=commands), 'wrong Python', '3.9 to 3.11',
        'python3 is 3.12', 'python3.10 is broken')
    assert not (checkout / '.venv').exists()


def test_wrong_python_is_passed_over(checkout, commands):
    add_command(commands, 'python3', 'echo 3.12')
    add_command(commands, 'python3.10',
                '[ "$1" = -m ] && { echo "$*"; exit 3; }; echo 3.10')
    add_command(commands, 'df', 'printf "x\\nx x x 99999999 x\\n"')
    _, out, err = call(checkout, commands=commands)
    assert f'with Python 3.10 (python3.10)\n-m venv {checkout}/.venv\n' in out
    assert 'could not be made' in err


def test_no_venv_module(checkout, commands):
    add_command(commands, 'python3',
                'case $2 in *ensurepip*) exit 1 ;; esac; echo 3.11')
    assert_refused(
        call(checkout, commands=commands), 'apt-get install python3.11-venv')


def test_wrong_python_named(checkout, commands):
    add_command(commands, 'old', 'echo 3.8')
    assert_refused(
        call(checkout, commands=commands, PYTHON='old'),
        'PYTHON=old is 3.8, 3.9 to 3.11 is needed')
    assert_refused(
        call(checkout, commands=commands, PYTHON='/none'), 'is missing')


def test_wrong_python_in_active_environment(checkout, commands, tmp_path):
    (tmp_path / 'env/bin').mkdir(parents=True)
    add_command(tmp_path / 'env/bin', 'python', 'echo 3.13')
    assert_refused(
        call(checkout, commands=commands, VIRTUAL_ENV=str(tmp_path / 'env')),
        'active environment', 'has 3.13')


def test_no_disk(checkout, commands):
    add_command(commands, 'python3', 'echo 3.11')
    add_command(commands, 'df', 'printf "x\\nx x x 2097152 x\\n"')
    assert_refused(
        call(checkout, commands=commands), 'no disk: 8 GiB are needed',
        '2 GiB are free')


def test_not_linux(checkout, commands):
    (commands / 'uname').unlink()
    add_command(commands, 'uname', 'echo Darwin')
    assert_refused(call(checkout, commands=commands), 'Darwin', 'only Linux')


@pytest.mark.parametrize('args, part', [
    (('--torch', '2.x'), '--torch 2.x: a full version'),
    (('--torch', ), '--torch needs a value'),
    (('--colour', ), 'unknown option --colour'),
])
def test_wrong_options(args, part, checkout, commands):
    assert_refused(call(checkout, *args, commands=commands), part)


def test_not_a_checkout(checkout, commands):
    shutil.rmtree(checkout / 'requirements')
    assert_refused(call(checkout, commands=commands), 'from a checkout')


def test_which_environment(checkout, commands):

    def told(**env):
        return call(checkout, '--print-python', commands=commands, **env)[1]

    assert told() == f'{checkout}/.venv/bin/python\n'
    assert told(VIRTUAL_ENV='/a') == '/a/bin/python\n'
    conda = dict(CONDA_PREFIX='/c', CONDA_DEFAULT_ENV='pose')
    assert told(**conda) == '/c/bin/python\n'
    assert told(VIRTUAL_ENV='/a', **conda) == '/a/bin/python\n'
    conda['CONDA_DEFAULT_ENV'] = 'base'
    assert told(**conda) == f'{checkout}/.venv/bin/python\n'


def test_complete_environment_is_recognized_at_once():
    if not Path(sys.prefix, '.semipose_mm').is_file():
        pytest.skip('this environment was not made by tools/install.sh')
    start = time.monotonic()
    done = subprocess.run(['bash', str(INSTALL)],
                          env=dict(os.environ, VIRTUAL_ENV=sys.prefix),
                          stdout=subprocess.PIPE,
                          text=True)
    assert done.returncode == 0
    assert 'everything is installed' in done.stdout
    assert time.monotonic() - start < 5


def test_state_says_what_is_left(checkout, tmp_path, monkeypatch):
    state = load('install_state')
    there = dict(semipose_mm='0.1.0')
    names = ('torch', 'mminstall', 'runtime', 'tests', 'lint')
    for line in state.read(checkout, *names):
        name, version = re.match(r'([\w-]+)(?:[=>]=([\d.]+))?', line).groups()
        there[name] = version or '1.0'
    monkeypatch.setattr(state, 'version', there.get)
    stamp = tmp_path / 'stamp'

    def left(torch=None, tests=False):
        return state.check(stamp, checkout, torch, tests) is None

    def write(**changes):
        text = dict(
            digest=state.digest(checkout),
            root=str(checkout),
            torch='2.5.1',
            tests=False)
        stamp.write_text(json.dumps(dict(text, **changes)))

    assert left()
    write()
    assert not left()
    assert not left(torch='2.5.1')
    assert left(torch='2.6.0')
    assert left(tests=True)
    write(tests=True)
    assert not left(tests=True)
    write(root='/another/checkout')
    assert left()
    write()
    for package, wrong in (('mmcv', None), ('mmcv', '2.2.0'),
                           ('numpy', '2.2.6'), ('torch', '2.6.0'),
                           ('setuptools', '82.0.0'), ('semipose_mm', None)):
        with monkeypatch.context() as context:
            context.setitem(there, package, wrong)
            assert left(), package
    assert not left()
    with open(checkout / 'requirements/runtime.txt', 'a') as file:
        file.write('another\n')
    assert left()


def test_opencv_that_is_there_is_kept(checkout, monkeypatch):
    state = load('install_state')
    headless = [
        line for line in state.read(checkout, 'runtime')
        if line.startswith('opencv')
    ]
    assert len(headless) == 1
    monkeypatch.setattr(state, 'version', dict().get)
    assert headless[0] in state.runtime(checkout, False)
    monkeypatch.setattr(state, 'version', {'opencv-python': '4.8.1'}.get)
    assert headless[0] not in state.runtime(checkout, False)
    monkeypatch.setattr(state, 'version', {'opencv-python': '5.0.0'}.get)
    assert headless[0] in state.runtime(checkout, False)


def test_interrupted_packages_are_forgotten(tmp_path):
    state = load('install_state')
    for name, files in (('whole', ('METADATA', 'WHEEL', 'RECORD',
                                   'INSTALLER')),
                        ('half', ('METADATA', 'WHEEL', 'RECORD'))):
        folder = tmp_path / f'{name}-1.2.dist-info'
        folder.mkdir()
        for file in files:
            (folder / file).write_text(f'Name: {name}\nVersion: 1.2\n')
    (tmp_path / 'of_the_system-3.egg-info').write_text('Name: of_the_system')
    assert state.forget_incomplete([str(tmp_path)] * 2) == ['half==1.2']
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'of_the_system-3.egg-info', 'whole-1.2.dist-info'
    ]
    assert state.forget_incomplete([str(tmp_path)]) == []


def test_torch_that_is_there_is_kept(monkeypatch):
    state = load('install_state')
    for version, kept in (('2.4.0', True), ('2.14.1+cpu', True),
                          ('2.3.1', False), (None, False)):
        monkeypatch.setattr(state, 'version', dict(torch=version).get)
        assert state.satisfied('torch') is kept, version


def test_build_needs_compiler_and_disk(tmp_path, monkeypatch):
    install_mmcv = load('install_mmcv')
    monkeypatch.delenv('CC', raising=False)
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(SystemExit, match='no compiler: .*g\\+\\+'):
        install_mmcv.check_tools(tmp_path)
    monkeypatch.setattr(install_mmcv.shutil, 'which', str)
    usage = namedtuple('usage', 'free')(1 << 29)
    monkeypatch.setattr(install_mmcv.shutil, 'disk_usage', lambda _: usage)
    with pytest.raises(SystemExit, match='no disk: .*0.5 GiB are free'):
        install_mmcv.check_tools(tmp_path)
    monkeypatch.setattr(install_mmcv.sysconfig, 'get_paths',
                        lambda: dict(include=str(tmp_path)))
    with pytest.raises(SystemExit, match='no Python headers'):
        install_mmcv.check_tools(tmp_path)


def test_cache_folder(monkeypatch):
    install_mmcv = load('install_mmcv')
    monkeypatch.delenv('SEMIPOSE_CACHE', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', '/cache')
    assert install_mmcv.cache_folder() == Path('/cache/semipose_mm')
    monkeypatch.setenv('SEMIPOSE_CACHE', '/elsewhere')
    assert install_mmcv.cache_folder() == Path('/elsewhere')


def test_ops_are_chosen_by_gpu_and_compiler(tmp_path, monkeypatch):
    import torch
    from torch.utils import cpp_extension
    install_mmcv = load('install_mmcv')
    (tmp_path / 'bin').mkdir()
    add_command(tmp_path / 'bin', 'nvcc', 'echo "release 12.4, V12.4.131"')
    monkeypatch.delenv('FORCE_CUDA', raising=False)
    monkeypatch.setattr(torch.version, 'cuda', '12.4')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(cpp_extension, 'CUDA_HOME', str(tmp_path))
    assert install_mmcv.choose_ops() == ('cpu', 'no GPU is visible')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    ops, _ = install_mmcv.choose_ops()
    assert ops == 'cu124'
    assert install_mmcv.cache_key('2.1.0', ops).endswith('-cu124')
    monkeypatch.setattr(torch.version, 'cuda', '11.8')
    ops, reason = install_mmcv.choose_ops()
    assert ops == 'cpu' and '12.4 does not match the CUDA 11.8' in reason
    monkeypatch.setattr(cpp_extension, 'CUDA_HOME', None)
    assert 'no nvcc' in install_mmcv.choose_ops()[1]
    monkeypatch.setenv('FORCE_CUDA', '0')
    assert install_mmcv.choose_ops() == ('cpu', 'FORCE_CUDA=0')


def test_progress_tells_the_time_left(capsys, monkeypatch):
    install_mmcv = load('install_mmcv')
    progress = install_mmcv.Progress()
    progress.feed('[20/80] c++ -c a.cpp\n')
    progress.feed('  warning: nothing of interest [3/4]\n')
    monkeypatch.setattr(install_mmcv.time, 'monotonic',
                        lambda: progress.start + 120)
    progress.show()
    assert capsys.readouterr().out == (
        'mmcv: [20/80] building, 2.0 min so far, about 6 min left\n')


def test_wheel_is_stored_whole(tmp_path):
    install_mmcv = load('install_mmcv')
    wheel = tmp_path / 'mmcv-2.1.0-cp311-cp311-linux_x86_64.whl'
    wheel.write_bytes(b'new')
    folder = tmp_path / 'wheels/key'
    folder.mkdir(parents=True)
    (folder / 'old.whl').write_bytes(b'old')
    stored = install_mmcv.store(wheel, folder)
    assert [path.name for path in folder.iterdir()] == [wheel.name]
    assert stored.read_bytes() == b'new'
    assert [path.name for path in folder.parent.iterdir()] == ['key']
