# Copyright (c) semipose_mm authors.
"""Tests of loading without executing what a file says."""
import collections
import os
import pickletools
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler import MultiStepLR, OneCycleLR
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version

from semipose_mm.checkpoint import load_from_http, load_from_local
from semipose_mm.errors import RunError

pytestmark = pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.5.0'),
    reason='torch.serialization.safe_globals is new in torch 2.5')


def foreign_checkpoint():
    """What MMEngine 0.10.7 saves without SafeCheckpointHook."""
    model = torch.nn.Linear(2, 2)
    optim_wrapper = OptimWrapper(torch.optim.Adam(model.parameters()))
    return dict(
        meta=dict(
            epoch=1,
            dataset_meta=dict(
                sigmas=np.array([0.5, 0.1], dtype=np.float32),
                colors=np.array([[1, 2, 3]], dtype=np.uint8),
                names=np.array(['nose', 'eye']),
                objects=np.array([None, 'a'], dtype=object))),
        state_dict=model.state_dict(),
        message_hub=dict(
            log_scalars=collections.OrderedDict(
                loss=HistoryBuffer([1., 2.], [1, 1])),
            runtime_info=collections.OrderedDict(best=np.float64(0.5)),
            resumed_keys=dict(loss=True)),
        optimizer=optim_wrapper.state_dict(),
        param_schedulers=[
            MultiStepLR(optim_wrapper, milestones=[2, 4]).state_dict(),
            OneCycleLR(optim_wrapper, eta_max=0.1, total_steps=9).state_dict()
        ])


def test_foreign_checkpoint(tmp_path):
    path = str(tmp_path / 'foreign.pth')
    saved = foreign_checkpoint()
    torch.save(saved, path)
    with pytest.raises(Exception, match='[Uu]nsupported'):
        torch.load(path, weights_only=True)

    before = set(torch.serialization.get_safe_globals())
    loaded = load_from_local(path, 'cpu')
    assert set(torch.serialization.get_safe_globals()) == before

    for key, value in saved['meta']['dataset_meta'].items():
        back = loaded['meta']['dataset_meta'][key]
        assert back.dtype == value.dtype
        assert np.array_equal(back, value)
    hub = loaded['message_hub']
    assert hub['log_scalars']['loss'].mean() == 1.5
    assert hub['runtime_info']['best'] == 0.5
    assert torch.equal(loaded['state_dict']['weight'],
                       saved['state_dict']['weight'])
    milestones = loaded['param_schedulers'][0]['milestones']
    assert milestones == collections.Counter([2, 4])
    anneal = loaded['param_schedulers'][1]['anneal_func']
    assert anneal is OneCycleLR._annealing_cos


def test_what_the_user_allows_stays_allowed(tmp_path):
    path = str(tmp_path / 'foreign.pth')
    torch.save(foreign_checkpoint(), path)
    with torch.serialization.safe_globals([HistoryBuffer]):
        load_from_local(path)
        assert HistoryBuffer in torch.serialization.get_safe_globals()


@pytest.mark.parametrize('package', ['numpy.core', 'numpy._core'])
def test_files_of_both_numpy_generations(tmp_path, package):
    path, other = tmp_path / 'here.pth', tmp_path / 'other.pth'
    array = np.arange(4, dtype=np.float32)
    torch.save(dict(array=array, scalar=np.float64(0.25)), path)
    here = np.zeros(1).__reduce__()[0].__module__.rpartition('.')[0]
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, 'w') as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith('data.pkl'):
                data = data.replace(f'c{here}.'.encode(),
                                    f'c{package}.'.encode())
                assert package in str(list(pickletools.genops(data)))
            new.writestr(name, data)
    loaded = load_from_local(str(other))
    assert np.array_equal(loaded['array'], array)
    assert loaded['scalar'] == 0.25


class Odd:
    """A class that no checkpoint should need."""


class Exploit:
    """Runs a command when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


class GetAttribute:
    """Reaches through HistoryBuffer for something else."""

    def __reduce__(self):
        return getattr, (HistoryBuffer, '__init__')


@pytest.mark.parametrize('make, refused', [
    (lambda path: Odd(), 'test_loading.Odd'),
    (Exploit, 'mkdir'),
    (lambda path: GetAttribute(), 'HistoryBuffer.__init__'),
])
def test_anything_else_is_refused(tmp_path, make, refused):
    path = str(tmp_path / 'odd.pth')
    trap = tmp_path / 'trap'
    torch.save(dict(state_dict={}, odd=make(trap)), path)
    with pytest.raises(RuntimeError) as info:
        load_from_local(path)
    message = str(info.value)
    assert path in message and refused in message
    assert 'weights_only=False' in message and '\n' not in message
    assert not trap.exists()


class Program(torch.nn.Module):
    """TorchScript runs what a module does when it is read."""

    @torch.jit.export
    def __getstate__(self):
        return 0

    @torch.jit.export
    def __setstate__(self, state: int):
        self.training = True
        print('code from the file runs')


@pytest.mark.parametrize('spoil', ['program', 'tar'])
def test_programs_are_refused(tmp_path, capfd, spoil):
    path = tmp_path / 'program.pth'
    if spoil == 'program':
        torch.jit.script(Program()).save(str(path))
        capfd.readouterr()
        torch.jit.load(str(path))
        assert 'code from the file runs' in capfd.readouterr().out
    else:
        with tarfile.open(path, 'w') as archive:
            archive.add(__file__, 'pickle')
    with pytest.raises(RuntimeError, match='program.pth is not loaded'):
        load_from_local(str(path))
    assert 'code' not in capfd.readouterr().out


def test_missing_file():
    with pytest.raises(RunError, match='no/such.pth does not exist'):
        load_from_local('no/such.pth')


@pytest.mark.parametrize('path, loader', [
    ('/some/file.pth', load_from_local),
    ('https://a.b/c.pth', load_from_http),
    ('http://a.b/c.pth', load_from_http),
])
def test_registration(path, loader):
    assert CheckpointLoader._get_checkpoint_loader(path) is loader


def test_download_of_something_else(served, tmp_path):
    folder, address = served
    trap = tmp_path / 'trap'
    torch.save(dict(state_dict={}, odd=Exploit(trap)), folder / 'odd.pth')
    with pytest.raises(RuntimeError, match='odd.pth.*mkdir'):
        CheckpointLoader.load_checkpoint(f'{address}/odd.pth', 'cpu')
    assert not trap.exists()


@pytest.mark.parametrize('content',
                         [b'<!DOCTYPE html>', b'hello', b'', b'PK\x03\x04'])
def test_other_files(tmp_path, content):
    path = tmp_path / 'page.pth'
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match='page.pth is no file that torch'):
        load_from_local(str(path))
