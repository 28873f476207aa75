# Copyright (c) semipose_mm authors.
"""Weights are downloaded once a node, and are what their names say."""
import http.server
import multiprocessing
import os
import socket
import threading

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from semipose_mm.checkpoint import downloads
from semipose_mm.errors import RunError
from semipose_mm.files import file_digest


def load(address, logger='silent'):
    return CheckpointLoader.load_checkpoint(address, 'cpu', logger)


def with_hash(folder, name='w', **content):
    """A file whose name tells its hash."""
    path = folder / 'new.pth'
    torch.save(content, path)
    final = folder / f'{name}-{file_digest(str(path))[:8]}.pth'
    path.rename(final)
    return final.name


def cached(tmp_path):
    """Names of the downloads that are kept."""
    folder = tmp_path / 'cache' / 'hub' / 'checkpoints'
    return [p.name for p in folder.iterdir() if p.suffix != '.lock']


def test_download(served):
    folder, address = served
    torch.save(dict(w=HistoryBuffer([1., 2.], [1, 1])), folder / 'w.pth')
    assert load(f'{address}/w.pth')['w'].mean() == 1.5
    (folder / 'w.pth').unlink()
    assert load(f'{address}/w.pth')['w'].mean() == 1.5


def test_a_hash_that_is_kept(served, tmp_path):
    folder, address = served
    name = with_hash(folder, w=3)
    assert load(f'{address}/{name}')['w'] == 3
    # what an interrupted copy has left
    (tmp_path / 'cache/hub/checkpoints' / name).write_bytes(b'PK')
    assert load(f'{address}/{name}')['w'] == 3


@pytest.mark.parametrize('name', ['w-01234567.pth', 'a_b-89abcdef.pth'])
def test_a_hash_that_is_not(served, tmp_path, name):
    folder, address = served
    torch.save(dict(w=3), folder / name)
    with pytest.raises(RunError, match=f'{name} is not what its name says'):
        load(f'{address}/{name}')
    assert cached(tmp_path) == []


@pytest.mark.parametrize('name', ['w-20220815.pth', 'w-abc.pth', 'v-1.pth'])
def test_names_without_a_hash(served, name):
    folder, address = served
    torch.save(dict(w=3), folder / name)
    assert load(f'{address}/{name}')['w'] == 3


def test_file_address(tmp_path):
    path = tmp_path / 'a b.pth'
    torch.save(dict(w=3), path)
    assert load(path.as_uri())['w'] == 3
    with pytest.raises(RunError, match='none.pth does not exist'):
        load((tmp_path / 'none.pth').as_uri())


def free_port():
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


class Broken(http.server.BaseHTTPRequestHandler):
    """Promises more than it sends, or sends nothing."""

    def do_GET(self):
        if 'slow' in self.path:
            threading.Event().wait(2)
            return
        self.send_response(200)
        self.send_header('Content-Length', '1000')
        self.end_headers()
        self.wfile.write(b'half')

    def log_message(self, *args):
        pass


@pytest.fixture
def broken():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_what_cannot_be_had(served, broken, tmp_path, monkeypatch):
    """One line with the address and the reason, and nothing is left."""
    monkeypatch.setattr(downloads, 'TIMEOUT', 1)
    for address, reason in {
            f'{served[1]}/none.pth': '404',
            f'http://127.0.0.1:{free_port()}/w.pth': 'refused',
            'http://no.such.host.invalid/w.pth': '',
            f'{broken}/short.pth': '4 of 1000 bytes',
            f'{broken}/slow.pth': 'no answer within 1 s',
    }.items():
        with pytest.raises(RunError) as error:
            load(address)
        line = str(error.value)
        assert address in line and reason in line and '\n' not in line
    assert cached(tmp_path) == []


def test_a_folder_that_cannot_be_written(served, tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'file'))
    with pytest.raises(RunError, match='w.pth cannot be downloaded to'):
        load(f'{served[1]}/w.pth')


@pytest.mark.parametrize('zoo, name', [
    ('torchvision', 'resnet81'),
    ('mmcls', 'mobilenet_v3'),
    ('openmmlab', 'vgg16_cafe'),
])
def test_names_that_no_zoo_knows(zoo, name):
    with pytest.raises(RunError, match=f'{zoo} has no model {name}; similar'):
        load(f'{zoo}://{name}')


def test_names_of_zoos_are_downloads(served, monkeypatch):
    folder, address = served
    name = with_hash(folder, state_dict={'backbone.a': 3, 'head.b': 4})
    monkeypatch.setattr(downloads.torch.hub, 'get_dir', lambda: str(folder))
    monkeypatch.setattr('mmengine.runner.checkpoint.get_mmcls_models',
                        lambda: dict(net=f'{address}/{name}'))
    assert load('mmcls://net') == dict(state_dict=dict(a=3))


def load_at(home, rank, address):
    os.environ.update(TORCH_HOME=str(home), RANK=str(rank), LOCAL_RANK='0')
    assert load(address)['w'] == 5


@pytest.mark.parametrize('homes', [['one', 'two'], ['one', 'one']])
def test_two_processes(served, tmp_path, homes):
    """Of two nodes, with a common home or without; no process knows others."""
    folder, address = served
    name = with_hash(folder, w=5, size=torch.zeros(100000))
    processes = [
        multiprocessing.get_context('fork').Process(
            target=load_at, args=(tmp_path / home, rank, f'{address}/{name}'))
        for rank, home in enumerate(homes)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
