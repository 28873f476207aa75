# Copyright (c) semipose_mm authors.
"""The number of threads in the training loops, by a clock of its own."""
import os

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop
from toy_runner import toy_runner

from semipose_mm.engine import CompileHook
from semipose_mm.engine.loops import step_threads

EPOCHS = dict(type='SemiPoseTrainLoop', max_epochs=6)
ITERS = dict(type='SemiPoseIterTrainLoop', max_iters=60, val_interval=5)
IDLE, HOG = {1: 0.17, 2: 0.13}, {1: 0.17, 2: 3.7}


class Machine(Hook):
    """Two cores and a clock, which loading and training put forward."""

    def __init__(self, costs):
        self.costs, self.now, self.threads = costs, 0., 2
        self.in_steps, self.elsewhere = [], []

    def perf_counter(self):
        return self.now

    def pause(self):
        """Something beside the steps, that takes very long with one."""
        self.now += 1000
        self.elsewhere.append(self.threads)

    # ------------------------------------- an item, and the rest of the step

    def load(self, results):
        self.now += self.costs[self.threads] / 6
        return results

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.now += self.costs[self.threads] / 2
        self.in_steps.append(self.threads)

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        if runner.iter % 3 == 0:
            self.pause()

    def after_train_epoch(self, runner):
        self.pause()


class Validation(BaseLoop):
    """Takes long."""

    def __init__(self, runner, machine):
        self._runner, self.machine = runner, machine

    def run(self):
        self.machine.pause()


@pytest.fixture
def machine(monkeypatch):
    machine = Machine(IDLE)
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {0, 1})
    monkeypatch.setattr(step_threads, '_cpu_quota', lambda: 8.)
    monkeypatch.setattr(step_threads, 'get_device', lambda: 'cpu')
    monkeypatch.setattr(step_threads, 'time', machine)
    monkeypatch.setattr(torch, 'get_num_threads', lambda: machine.threads)
    monkeypatch.setattr(torch, 'set_num_threads',
                        lambda n: setattr(machine, 'threads', n))
    return machine


def train(work_dir, machine, loop=EPOCHS, **kwargs):
    """60 iterations in epochs of 10; returns the log's lines on threads."""
    # a function is not copied with the config
    load = dict(pipeline=lambda results: machine.load(results))
    runner = toy_runner(
        work_dir, [],
        train_dataloader=dict(
            dataset=dict(type='ToyDataset', length=30, **load)),
        param_scheduler=[],
        default_hooks=dict(
            checkpoint=dict(
                type='SafeCheckpointHook', interval=60, by_epoch=False)),
        log_level='INFO',
        **kwargs)
    runner._train_loop = dict(loop)
    runner.register_hook(machine)
    runner._val_loop = Validation(runner, machine)
    runner.train()
    assert len(machine.in_steps) == 60
    logs = ''.join(path.read_text() for path in work_dir.glob('*/*.log'))
    return [
        line.split('CPU threads: ')[1] for line in logs.splitlines()
        if 'CPU threads: ' in line
    ]


@pytest.mark.parametrize('loop', [EPOCHS, ITERS])
def test_idle_cores(tmp_path, machine, loop):
    lines = train(tmp_path, machine, loop)
    assert lines == [
        '2 (1: 0.17, 2: 0.13 s an iteration); OMP_NUM_THREADS fixes them'
    ]
    assert machine.in_steps[-30:] == [2] * 30
    # nothing else runs with what is only tried
    assert machine.elsewhere[:4] == [1] * 4
    assert set(machine.elsewhere[-10:]) == {2}


@pytest.mark.parametrize('loop', [EPOCHS, ITERS])
def test_beside_another_program(tmp_path, machine, loop):
    machine.costs = HOG
    lines = train(tmp_path, machine, loop)
    assert lines == [
        '1 (1: 0.17, 2: 3.7 s an iteration); OMP_NUM_THREADS fixes them'
    ]
    assert machine.in_steps.count(2) == 1
    assert set(machine.elsewhere) == {1}
    # what comes after the training finds what was there before
    assert machine.threads == 2


def test_another_program_comes(tmp_path, machine):

    class Start(Hook):

        def after_train_iter(self, runner, batch_idx, data_batch, outputs):
            if runner.iter == 40:
                machine.costs = HOG

    lines = train(tmp_path, machine, custom_hooks=[Start()])
    assert [line[0] for line in lines] == ['2', '1']
    assert machine.in_steps[-5:] == [1] * 5


def test_a_failure_leaves_what_was_there(tmp_path, machine):

    class Fail(Hook):

        def after_train_iter(self, runner, batch_idx, data_batch, outputs):
            assert machine.threads == 1
            raise RuntimeError('of the machine')

    machine.costs = HOG
    with pytest.raises(RuntimeError, match='of the machine'):
        train(tmp_path, machine, custom_hooks=[Fail()])
    assert machine.threads == 2


@pytest.mark.parametrize('reason', [
    'variable', 'accelerator', 'core', 'quota', 'processes', 'deterministic',
    'compiled'
])
def test_where_it_is_off(tmp_path, machine, monkeypatch, reason):
    kwargs = dict()
    if reason == 'variable':
        monkeypatch.setenv('OMP_NUM_THREADS', '2')
    elif reason == 'accelerator':
        monkeypatch.setattr(step_threads, 'get_device', lambda: 'cuda')
    elif reason == 'core':
        monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {1})
    elif reason == 'quota':
        monkeypatch.setattr(step_threads, '_cpu_quota', lambda: 1.5)
    elif reason == 'processes':
        monkeypatch.setattr(step_threads, 'get_world_size', lambda: 2)
    elif reason == 'deterministic':
        kwargs = dict(randomness=dict(seed=3, deterministic=True))
    else:
        monkeypatch.setattr(CompileHook, 'before_train', Hook.before_train)
        kwargs = dict(custom_hooks=[dict(type='CompileHook')])
    try:
        assert train(tmp_path, machine, **kwargs) == []
    finally:
        torch.use_deterministic_algorithms(False)
    assert set(machine.in_steps) == {2}


@pytest.mark.parametrize('threads, cores, expected', [
    (1, 8, [1]),
    (2, 8, [1, 2]),
    (16, 8, [1, 2, 4, 8]),
    (6, 8, [1, 2, 4, 6]),
])
def test_candidates(machine, monkeypatch, threads, cores, expected):
    machine.threads = threads
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: range(cores))
    assert step_threads.thread_candidates() == expected


@pytest.mark.parametrize('files, cores', [
    ({
        'cpu.max': '150000 100000'
    }, 1.5),
    ({
        'cpu/cpu.cfs_quota_us': '400000',
        'cpu/cpu.cfs_period_us': '100000'
    }, 4),
    ({
        'cpu.max': 'max 100000'
    }, 1000),
    ({
        'cpu/cpu.cfs_quota_us': '-1',
        'cpu/cpu.cfs_period_us': '100000'
    }, 1000),
    ({}, 1000),
])
def test_quota_of_a_container(tmp_path, files, cores):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + '\n')
    found = step_threads._cpu_quota(str(tmp_path))
    assert found == cores or found > cores == 1000
