# Copyright (c) semipose_mm authors.
"""Signals end a process at once, or are noted once a loop has begun."""
import os
import os.path as osp
import signal
import subprocess
import sys
import time

import pytest

import semipose_mm

LOADED = """
import multiprocessing, runpy, subprocess, sys, time
stop = type('module', (), runpy.run_path(sys.argv[1]))
"""
# in the form of a training: it asks in every iteration, a worker beside it
TRAINING = LOADED + """
stop.end_at_once()
worker = None
if sys.argv[2] == 'loop':
    stop.listen()
    stop.listen()
    worker = multiprocessing.get_context('fork').Process(
        target=time.sleep, args=(60, ))
    worker.start()
print('ready', flush=True)
end = time.monotonic() + 20
while not stop.requested() and time.monotonic() < end:
    time.sleep(0.01)
time.sleep(float(sys.argv[3]))
print(stop.requested(), worker and worker.is_alive(), flush=True)
if sys.argv[2] == 'forget':
    stop.forget()
if worker:
    worker.terminate()
    worker.join()
"""
STOP_SIGNALS = osp.join(
    osp.dirname(semipose_mm.__file__), 'launch', 'stop_signals.py')
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def default_signals():
    """As in a terminal: a shell's background ignores SIGINT."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start():
    """A function that starts such a process in a group of its own."""
    started = []

    def begin(*args):
        process = subprocess.Popen(
            [sys.executable, '-c', TRAINING, STOP_SIGNALS, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=default_signals)
        started.append(process)
        assert process.stdout.readline() == 'ready\n'
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def send(process, number):
    """To all processes of the group, as a terminal and SLURM do."""
    os.killpg(process.pid, number)


@pytest.mark.parametrize('number', SIGNALS[:2])
def test_before_the_loop_they_end_at_once(start, number):
    process = start('starting', 0)
    send(process, number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (-number, '', '')


@pytest.mark.parametrize('kind, status', [('starting', 0),
                                          ('forget', -signal.SIGUSR1)])
def test_what_requeues_a_job_is_noted_from_the_start(start, kind, status):
    process = start(kind, 0)
    send(process, signal.SIGUSR1)
    out, err = process.communicate(timeout=10)
    assert out == 'SIGUSR1 None\n', err
    assert process.returncode == status


@pytest.mark.parametrize('number', SIGNALS)
def test_in_the_loop_they_are_noted_and_workers_live(start, number):
    process = start('loop', 0.3)
    send(process, number)
    out, err = process.communicate(timeout=10)
    assert out == f'{signal.Signals(number).name} True\n', err
    assert process.returncode == 0


def test_a_program_that_is_started_obeys():
    """It has the signals' mask of what started it, by a fork here."""
    code = LOADED + """
stop.listen()
program = subprocess.Popen(['sleep', '30'], preexec_fn=time.time)
program.terminate()
print(program.wait(5))
"""
    out = subprocess.run([sys.executable, '-c', code, STOP_SIGNALS],
                         capture_output=True,
                         text=True,
                         timeout=20)
    assert (out.stdout, out.stderr) == ('-15\n', '')


def test_a_second_interrupt_ends_at_once(start):
    process = start('loop', 30)
    send(process, signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    send(process, signal.SIGINT)
    assert process.wait(5) == -signal.SIGINT
    send(process, signal.SIGTERM)
    send(process, signal.SIGKILL)  # the worker, whose parent is no more


@pytest.mark.parametrize('first, second', [
    (signal.SIGINT, signal.SIGINT),
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGUSR1, signal.SIGTERM),
])
def test_what_launchers_hand_on_is_no_second_one(start, first, second):
    process = start('loop', 1)
    send(process, first)
    time.sleep(0.1)
    send(process, second)
    out, err = process.communicate(timeout=10)
    assert out == f'{signal.Signals(first).name} True\n', err
