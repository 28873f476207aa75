# Copyright (c) semipose_mm authors.
"""Tests of how several processes meet."""
import os
import os.path as osp
import socket
import subprocess
import sys
from datetime import timedelta
from importlib import import_module

import pytest
from mmengine.config import Config
from toy_tools import CONFIG, ROOT

SLURM = dict(SLURM_PROCID='0', SLURM_NTASKS='2', SLURM_LOCALID='0')


@pytest.fixture
def processes(monkeypatch):
    """The module, with a clean environment for the launchers."""
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'PORT',
                 'MASTER_PORT', 'SLURM_JOB_ID', 'SLURM_STEP_NODELIST',
                 'SLURM_JOB_NODELIST'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    module = import_module('semipose_mm.launch.processes')
    monkeypatch.setattr(module, 'MEETING_TIME', timedelta(seconds=1))
    return module


def one_line(processes, monkeypatch, **env):
    """How processes that cannot meet end."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    launcher = 'slurm' if 'SLURM_PROCID' in env else 'pytorch'
    with pytest.raises(SystemExit) as info:
        processes.prepare_processes(Config(dict(launcher=launcher)))
    message = info.value.code
    assert message.startswith('error: ') and '\n' not in message
    return message


def test_nobody_answers(processes, monkeypatch):
    message = one_line(
        processes, monkeypatch, **dict(SLURM, SLURM_PROCID='1'), PORT='1')
    assert 'process 1 of 2 cannot meet the others at 127.0.0.1:1 ' in message


def test_nobody_comes(processes, monkeypatch):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    message = one_line(
        processes,
        monkeypatch,
        RANK='0',
        WORLD_SIZE='2',
        MASTER_ADDR='localhost',
        MASTER_PORT=str(port))
    assert f'process 0 of 2 cannot meet the others at localhost:{port}' in \
        message


def test_a_port_in_use(processes, monkeypatch):
    with socket.socket() as taken:
        taken.bind(('0.0.0.0', 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = one_line(
            processes, monkeypatch, **SLURM, MASTER_PORT=str(port))
    assert f'at 127.0.0.1:{port} ' in message and 'EADDRINUSE' in message


def test_a_preset_port_that_is_none(processes, monkeypatch):
    assert one_line(
        processes, monkeypatch, **SLURM, MASTER_PORT='http').startswith(
            'error: --launcher slurm: MASTER_PORT is http, but must be')


def test_synchronized_batch_norm_is_replaced(processes):
    cfg = Config(
        dict(
            sync_bn='torch',
            model=dict(
                use_syncbn=True,
                backbone=dict(
                    norm_cfg=dict(type='SyncBN', requires_grad=False)),
                peers=[
                    dict(head=dict(norm_cfg=dict(type='MMSyncBN', eps=1e-3)))
                ])))
    assert processes._replace_sync_bn(cfg)
    assert cfg.sync_bn is None and cfg.model == dict(
        use_syncbn=False,
        backbone=dict(norm_cfg=dict(type='BN', requires_grad=False)),
        peers=[dict(head=dict(norm_cfg=dict(type='BN', eps=1e-3)))])
    assert not processes._replace_sync_bn(cfg)


def test_slurm_tasks_train_on_cpu(tmp_path):
    """Two tasks with the variables of srun, and a model that wants SyncBN."""
    config = tmp_path / 'toy.py'
    config.write_text(CONFIG + "sync_bn = 'torch'\n")
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    env = dict(
        os.environ,
        **SLURM,
        MASTER_PORT=str(port),
        CUDA_VISIBLE_DEVICES='',
        PYTHONPATH=osp.join(ROOT, 'tests', 'toys'))
    tasks = [
        subprocess.Popen([
            sys.executable, f'{ROOT}/tools/train.py', 'toy.py', '--launcher',
            'slurm', '--cfg-options', 'train_dataloader.dataset.length=24'
        ],
                         cwd=tmp_path,
                         env=dict(env, SLURM_PROCID=str(rank)),
                         stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT,
                         text=True) for rank in range(2)
    ]
    out = [task.communicate(timeout=120)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], out
    assert 'processes: 2 (launcher: slurm)' in out[0]
    assert 'Saving checkpoint at 8 iterations' in out[0]
    assert [o.count('SyncBN does not run on CPU') for o in out] == [1, 0]


def test_threads_that_work_on_do_not_abort_the_end():
    """As those of gloo, which DDP keeps when the group is destroyed."""
    script = '''
import atexit, threading, time
import torch
from torch import distributed
from semipose_mm.launch.processes import end_process, leave_processes

def work():
    sums = torch.zeros(10)
    while True:
        sums.add_(1)

atexit.register(print, 'ended', end='')
distributed.init_process_group(
    'gloo', store=distributed.HashStore(), rank=0, world_size=1)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
leave_processes()
print('going on, ', end='')
end_process()
'''
    done = subprocess.run([sys.executable, '-c', script],
                          cwd=ROOT,
                          capture_output=True,
                          text=True,
                          timeout=120)
    assert (done.returncode, done.stdout) == (0, 'going on, ended'), \
        done.stderr
