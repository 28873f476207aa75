# Copyright (c) semipose_mm authors.
"""Fixtures: data outside the repository, generated people, a short run."""
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from people_toys import make_people, train_own, with_teachers
from recipe_toys import VARIABLES
from toy_tools import run_command

import semipose_mm  # noqa: F401, registers everything

# trainings are compared bit by bit, and must not search for threads
os.environ.setdefault('OMP_NUM_THREADS', '1')
# as configs do; some tests build models when they are collected
init_default_scope('mmpose')


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Begin in MMPose's scope, and skip ``gpu`` where CUDA has none."""
    # a detector of an earlier test leaves its own
    init_default_scope('mmpose')
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('needs a GPU that CUDA can use')


@pytest.fixture(
    scope='module',
    params=['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def device(request):
    """Each device; runners take it, and its convolutions are repeatable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.device.utils.DEVICE', request.param)
        patch.setattr(torch.backends.cudnn, 'deterministic', True)
        # as the CPU computes
        patch.setattr(torch.backends.cudnn, 'allow_tf32', False)
        patch.setattr(torch.backends.cuda.matmul, 'allow_tf32', False)
        yield request.param


@pytest.fixture(scope='session')
def data_root():
    """Folder of the real data sets; skips where there is none."""
    root = os.environ.get('SEMIPOSE_DATA')
    if not root or not Path(root, 'coco17').is_dir():
        pytest.skip('needs the real data: set SEMIPOSE_DATA to its folder')
    return Path(root).resolve()


@pytest.fixture(scope='session')
def golden(data_root):
    """Load reference values of the released implementation by name."""
    folder = data_root.parent / 'golden'
    if not folder.is_dir():
        pytest.skip('needs the reference values beside SEMIPOSE_DATA')
    return lambda name: np.load(folder / f'{name}.npz', allow_pickle=False)


@pytest.fixture(scope='session')
def people_root(tmp_path_factory):
    """Folder of a few generated people."""
    return make_people(tmp_path_factory.mktemp('generated') / 'people')


@pytest.fixture(scope='session')
def trained(people_root, tmp_path_factory):
    """Two iterations of PoseDual on them, with mutual teaching."""
    return train_own(
        people_root,
        tmp_path_factory.mktemp('trained'),
        custom_hooks=[dict(type='MutualTeachingHook')])


@pytest.fixture(scope='session')
def taught(trained, tmp_path_factory):
    """The same with teachers, one of which is read from files not there."""
    return with_teachers(trained, tmp_path_factory.mktemp('taught'))


@pytest.fixture
def mounted(tmp_path):
    """Mount a file system of its own, by options; skips where one must not."""
    folder = tmp_path / 'disk'
    folder.mkdir()

    def mount(options):
        command = ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)]
        if os.geteuid() or subprocess.run(
                command, capture_output=True).returncode:
            pytest.skip('needs to be allowed to mount a file system')
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(['umount', '-l', str(folder)], check=True)


@pytest.fixture
def refused(capsys):
    """Calls a command that refuses; gives the one line with which it ends.

    ``noisy`` allows lines before it, such as warnings.
    """

    def run(command, *args, noisy=False):
        capsys.readouterr()
        with pytest.raises(SystemExit) as info:
            run_command(command, *args)
        assert info.value.code in (1, 2)
        *before, line, end = capsys.readouterr().err.split('\n')
        assert end == '' and (noisy or not before)
        assert line.startswith(f'semipose {command}: error: ')
        return line

    return run


@pytest.fixture
def no_yapf(monkeypatch):
    """Configs are written unformatted: that can take longer than training."""
    monkeypatch.setattr('mmengine.config.config.FormatCode',
                        lambda text, **kwargs: (text, True))


@pytest.fixture
def no_variables(monkeypatch):
    """Configs as they are without a word from outside."""
    for name in VARIABLES:
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
