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
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / 'tools/install.sh'
COMMANDS = ('bash', 'dirname', 'uname', 'awk', 'mkdir', 'rm', 'sed', 'grep',
            'cut', 'sleep', 'tee')


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
    for item in ('packages', 'tools', 'requirements', 'semipose_mm'):
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
    add_command(commands, 'python3', 'echo 3.14')
    add_command(commands, 'python3.10', 'exit 127')
    assert_refused(
        call(checkout, commands=commands), 'wrong Python', '3.10 to 3.13',
        'python3 is 3.14', 'python3.10 is broken')
    assert not (checkout / '.venv').exists()


def test_wrong_python_is_passed_over(checkout, commands):
    add_command(commands, 'python3', 'echo 3.14')
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
    add_command(commands, 'old', 'echo 3.9')
    assert_refused(
        call(checkout, commands=commands, PYTHON='old'),
        'PYTHON=old is 3.9, 3.10 to 3.13 is needed')
    assert_refused(
        call(checkout, commands=commands, PYTHON='/none'), 'is missing')


def test_wrong_python_in_active_environment(checkout, commands, tmp_path):
    (tmp_path / 'env/bin').mkdir(parents=True)
    add_command(tmp_path / 'env/bin', 'python', 'echo 3.14')
    assert_refused(
        call(checkout, commands=commands, VIRTUAL_ENV=str(tmp_path / 'env')),
        'active environment', 'has 3.14')


def test_no_disk(checkout, commands):
    add_command(commands, 'python3', 'echo 3.11')
    add_command(commands, 'df', 'printf "x\\nx x x 2097152 x\\n"')
    assert_refused(
        call(checkout, commands=commands), 'no disk: 8 GiB are needed',
        '2 GiB are free')


@pytest.mark.parametrize('message, answer', [
    ('error: Failed to fetch: https://index/simple/six/',
     'no network: the package index did not answer for torch'),
    ('error: failed to write: No space left on device (os error 28)',
     'no disk: torch'),
    ('error: nothing of the kind', 'the message is above'),
])
def test_a_failure_of_uv_is_told_in_one_line(message, answer, checkout,
                                             commands, tmp_path):
    (tmp_path / 'env/bin').mkdir(parents=True)
    add_command(
        tmp_path / 'env/bin', 'python', """case "$*" in
*sys.version_info*) echo 3.12 ;;
*install_state.py\\ check*) exit 1 ;;
*install_state.py\\ wanted*) echo six ;;
*uv_settings.py*) printf -- '--find-links\\n/wheels\\n' ;;
esac""")
    add_command(commands, 'uv', f'echo "$*"; echo "{message}" >&2; exit 2')
    code, out, err = call(
        checkout, commands=commands, VIRTUAL_ENV=str(tmp_path / 'env'))
    python = tmp_path / 'env/bin/python'
    assert f'pip install --python {python} --find-links /wheels six\n' in out
    lines = err.splitlines()
    assert code == 1 and lines[0] == message and len(lines) == 2
    assert lines[1].startswith('install.sh: error: ') and answer in lines[1]


@pytest.mark.parametrize('runs, answer',
                         [(True, 'torch and what'),
                          (False, "build 'cu130' come from PyTorch's own")])
def test_a_pair_that_runs_is_kept_whatever_its_metadata_say(
        runs, answer, checkout, commands, tmp_path):
    (tmp_path / 'env/bin').mkdir(parents=True)
    add_command(
        tmp_path / 'env/bin', 'python', f"""case "$*" in
*sys.version_info*) echo 3.12 ;;
*install_state.py\\ check*) exit 1 ;;
*install_state.py\\ backend*) echo cu130 ;;
*uv_settings.py*) exit 1 ;;
*import\\ torchvision*) exit {int(not runs)} ;;
*pip*install*) exit 3 ;;
esac""")
    code, out, err = call(
        checkout, commands=commands, VIRTUAL_ENV=str(tmp_path / 'env'))
    assert ('installing torch' in out) == runs
    assert code == 1 and answer in err, err


def test_builds_of_another_kind_are_replaced(checkout, commands, tmp_path):
    (tmp_path / 'env/bin').mkdir(parents=True)
    add_command(
        tmp_path / 'env/bin', 'python', """case "$*" in
*sys.version_info*) echo 3.12 ;;
*install_state.py\\ check*) exit 1 ;;
*install_state.py\\ wanted*) echo torch ;;
*install_state.py\\ backend*) echo cpu ;;
*install_state.py\\ other-builds*) printf 'torch\\ntorchvision\\n' ;;
*import\\ torchvision*) exit 1 ;;
esac""")
    add_command(commands, 'uv', 'echo "$*"; exit 2')
    code, out, _ = call(
        checkout,
        '--cpu',
        commands=commands,
        VIRTUAL_ENV=str(tmp_path / 'env'))
    assert code == 1 and (
        '--torch-backend cpu torch --reinstall-package torch '
        '--reinstall-package torchvision\n') in out


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
    assert time.monotonic() - start < 2


@pytest.fixture
def state(checkout, monkeypatch):
    """Load install_state.py for an environment that has nothing."""
    module = load('install_state')
    there = {}
    monkeypatch.setattr(module, 'ROOT', checkout)
    monkeypatch.setattr(module, 'version', there.get)
    monkeypatch.setattr(module, 'has_ops_of', lambda _: there.get(module.OPS))
    module.there = there
    return module


def fill(state, *names):
    """Let everything be there that requirements name, the oldest of it."""
    for line in state.read(state.ROOT, 'torch', 'mminstall', 'runtime',
                           *names):
        name, version = re.match(r'([\w-]+)(?:[=>]=([\d.]+))?', line).groups()
        state.there[name] = version or '1.0'
    state.there.update({'semipose_mm': '0.1.0', state.OPS: '2.1.0'})


def test_state_says_what_is_left(state, tmp_path, monkeypatch):
    fill(state, 'tests', 'lint')
    stamp = tmp_path / 'stamp'

    def left(torch=None, cpu=False, tests=False):
        return state.check(stamp, state.ROOT, torch, cpu, tests) is None

    def write(**changes):
        text = dict(
            digest=state.digest(state.ROOT),
            root=str(state.ROOT),
            torch='2.4',
            tests=False)
        stamp.write_text(json.dumps(dict(text, **changes)))

    assert left()
    write()
    assert not left()
    assert not left(torch='2.4')
    assert left(torch='2.6.0')
    assert left(cpu=True)
    assert left(tests=True)
    write(tests=True)
    assert not left(tests=True)
    write(root='/another/checkout')
    assert left()
    write()
    for package, wrong in (('mmcv-lite', None), ('mmcv-lite', '2.2.0'),
                           ('mmcv-ext-torchvision',
                            None), ('numpy', '3.0.0'), ('numpy', '2.2.6'),
                           ('torch', '2.6.0'), ('xtcocotools', None),
                           ('setuptools', '82.0.0'), ('semipose_mm', None)):
        with monkeypatch.context() as context:
            context.setitem(state.there, package, wrong)
            assert left(), (package, wrong)
    assert not left()
    with open(state.ROOT / 'requirements/runtime.txt', 'a') as file:
        file.write('another\n')
    assert left()


def test_mmcv_comes_without_compiling_unless_it_is_there(state, monkeypatch):
    ops = str(state.ROOT / 'packages/mmcv_ext')
    names = ['mmcv-lite==2.1.0', 'mmdet==3.3.0', 'mmengine==0.10.7']
    assert state.openmmlab(state.ROOT) == [*names, 'mmpose==1.3.2', ops]
    fill(state)
    assert state.openmmlab(state.ROOT) == []
    del state.there['mmcv-lite'], state.there[state.OPS]
    dependencies = state.load_dependencies()
    monkeypatch.setattr(state, 'load_dependencies', lambda: dependencies)
    for compiled in (True, False):
        monkeypatch.setattr(dependencies, 'has_ops', lambda: compiled)
        for version, fits in (('2.1.0', True), ('2.2.0', False)):
            state.there['mmcv'] = version
            assert state.openmmlab(
                state.ROOT) == ([] if fits and compiled else [names[0], ops])


def test_nothing_is_said_where_nothing_is_wanted(state, monkeypatch, capsys):
    fill(state)
    for question in ('openmmlab', 'refused', 'xtcocotools'):
        state.there['numpy'] = '1.26.4'
        monkeypatch.setattr(sys, 'argv', ['install_state.py', question])
        state.main()
        assert capsys.readouterr().out == '', question


def test_xtcocotools_is_repacked_where_its_own_wheel_fails(state):
    wanted = ['xtcocotools==1.14.3']
    for xtcocotools, numpy, missing in ((None, '2.5.5',
                                         True), ('1.14.3', '1.26.4', False),
                                        ('1.14.3', '2.0.0',
                                         True), ('1.13', '1.26.4',
                                                 True), ('1.14.3+pycocotools',
                                                         '2.5.5', False)):
        state.there.update(xtcocotools=xtcocotools, numpy=numpy)
        assert state.xtcocotools(state.ROOT) == (wanted if missing else [])


def test_torch_that_is_there_is_kept(state):
    newest = state.read(state.ROOT, 'torch')[0]
    for version, kept in (('2.4.0', True), ('2.14.1+cpu', True),
                          ('2.3.1', False), ('2.16.0', False), (None, False)):
        state.there['torch'] = version
        wanted = state.wanted_torch(state.ROOT, None, False)
        assert wanted == [
            f'torch=={version}' if kept else newest, 'torchvision'
        ], version
    state.there['torch'] = '2.14.1'
    assert state.wanted_torch(state.ROOT, '2.5.1', False)[0] == 'torch==2.5.1'
    assert state.wanted_torch(state.ROOT, None, True)[0] == newest
    state.there['torch'] = '2.14.1+cpu'
    assert state.wanted_torch(state.ROOT, None, True)[0] == 'torch==2.14.1+cpu'


@pytest.mark.parametrize('torch, vision, cpu, expected, replaced', [
    (None, None, False, '', []),
    (None, None, True, 'cpu', []),
    ('2.14.1', '0.29.1', False, '', []),
    ('2.14.1', '0.29.1', True, 'cpu', ['torch', 'torchvision']),
    ('2.14.1+cpu', '0.29.1+cpu', True, '', []),
    ('2.14.1+cpu', '0.29.1', False, 'cpu', ['torchvision']),
    ('2.14.1+cpu', None, False, 'cpu', []),
    ('2.14.1+cu130', '0.29.1+cu130', True, 'cpu', ['torch', 'torchvision']),
    ('2.11.0+cu130', '0.26.0+cu130', False, '', []),
    ('2.11.0+cu130', None, False, 'cu130', []),
    ('2.6.0a0+ecf3bae40a.nv25.01', None, False, '', []),
])
def test_builds_of_torch_are_never_mixed(torch, vision, cpu, expected,
                                         replaced, state):
    state.there.update(torch=torch, torchvision=vision)
    assert state.backend(cpu, None) == expected
    assert state.other_builds(cpu, None) == replaced


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
                        ('half', ('METADATA', 'WHEEL', 'RECORD')),
                        ('begun', ('entry_points.txt', )),
                        ('of_conda', ('METADATA', 'RECORD'))):
        folder = tmp_path / f'{name}-1.2.dist-info'
        folder.mkdir()
        for file in files:
            (folder / file).write_text(f'Name: {name}\nVersion: 1.2\n')
    (tmp_path / 'of_the_system-3.egg-info').write_text('Name: of_the_system')
    assert state.forget_incomplete([str(tmp_path)] *
                                   2) == ['begun 1.2', 'half 1.2']
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'of_conda-1.2.dist-info', 'of_the_system-3.egg-info',
        'whole-1.2.dist-info'
    ]
    assert state.forget_incomplete([str(tmp_path)]) == []


def test_pip_settings_are_said_to_uv(monkeypatch):
    settings = load('uv_settings')
    monkeypatch.delenv('SSL_CERT_FILE', raising=False)
    found = settings.parse("""global.index-url='https://first/simple'
global.extra-index-url='\\nhttps://a/simple\\nfile:///b'
download.find-links='/not/for/install'
global.constraint='/etc/constraints.txt'
install.constraint='/mine.txt'
:env:.find-links='/wheels'
:env:.cert='/my/ca.pem'
:env:.no-index='1'
global.timeout='60'
""")
    assert settings.translate(found) == [
        'SSL_CERT_FILE=/my/ca.pem', '--default-index', 'https://first/simple',
        '--index', 'https://a/simple', '--index', 'file:///b', '--constraint',
        '/mine.txt', '--find-links', '/wheels', '--no-index',
        '--index-strategy', 'unsafe-best-match'
    ]
    with pytest.raises(KeyError, match='client-cert'):
        settings.translate({'client-cert': '/key.pem'})


def test_xtcocotools_becomes_pure(tmp_path):
    pure = load('pure_xtcocotools')
    info = 'xtcocotools-1.2.dist-info'
    files = {
        'xtcocotools/mask.py': 'import xtcocotools._mask as _mask\n',
        'xtcocotools/_mask.cpython-311-x86_64-linux-gnu.so': 'compiled',
        f'{info}/METADATA':
        'Name: xtcocotools\nVersion: 1.2\nRequires-Dist: cython >=0.27\n',
        f'{info}/WHEEL': 'Root-Is-Purelib: false\n',
        f'{info}/RECORD': 'old\n'
    }
    wheel = tmp_path / 'xtcocotools-1.2-cp311-cp311-manylinux1_x86_64.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    made = pure.repack(wheel, tmp_path)
    assert made.name == 'xtcocotools-1.2+pycocotools-py3-none-any.whl'
    # pip checks the hashes of RECORD
    subprocess.run([
        sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps',
        '--no-index', '--target',
        str(tmp_path / 'site'),
        str(made)
    ],
                   check=True)
    code = ('import pycocotools._mask as theirs, xtcocotools.mask as ours; '
            'assert ours._mask.iou is theirs.iou; from importlib.metadata '
            "import requires; assert requires('xtcocotools') == "
            "['pycocotools']")
    subprocess.run([sys.executable, '-c', code],
                   env=dict(os.environ, PYTHONPATH=str(tmp_path / 'site')),
                   check=True)
