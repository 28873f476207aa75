# Copyright (c) semipose_mm authors.
"""Tests of the job scripts of SLURM, with commands that only tell how they
were called.

tests/test_slurm has real ones.
"""
import shutil
import sys

import pytest
from toy_commands import ROOT, STEP, TOOLS, write_command

JOBS = TOOLS / 'slurm'


@pytest.fixture
def submit(shell, tmp_path):
    """Calls a job script as SLURM does: a copy, from where it was called."""

    def run(script, *args, **env):
        copy = shutil.copy(JOBS / script, tmp_path / 'slurm_job')
        job = dict(
            SLURM_JOB_ID='7',
            SLURM_JOB_NUM_NODES='1',
            SLURM_CPUS_PER_TASK='3',
            SLURM_SUBMIT_DIR=str(ROOT),
            VIRTUAL_ENV='there')
        return shell(str(copy), *args, **dict(job, **env))

    return run


ARGS = ('a config.py', 'work dir', '--amp')


def test_job_on_one_node(submit):
    code, out, _ = submit('one_node.sbatch', *ARGS)
    assert code == 0
    told = out.splitlines()
    assert told[1:3] == ['<--kill-on-bad-exit=1>', '<--cpus-per-task=3>']
    assert told[-8:] == [
        '<python>', '<-u>', f'<{TOOLS}/train.py>', '<a config.py>',
        '<--work-dir=work dir>', '<--launcher=slurm>', '<--resume>', '<--amp>'
    ]


def test_job_on_several_nodes(submit):
    # what a step left in the environment in which sbatch was called
    old = dict(STEP, SLURM_JOB_ID='7')
    code, out, _ = submit(
        'several_nodes.sbatch', *ARGS,
        **dict(old, SLURM_JOB_NUM_NODES='2', SLURM_GPUS_ON_NODE='4'))
    assert code == 0
    told = out.splitlines()
    assert told[1] == '<--nodes=2>'
    assert told[-7:] == [
        '<4>', f'<{TOOLS}/train.py>', '<a config.py>', '<--work-dir=work dir>',
        '<--launcher=pytorch>', '<--resume>', '<--amp>'
    ]


def test_job_of_a_seed(submit):
    _, out, _ = submit(
        'seeds.sbatch', *ARGS, SLURM_ARRAY_JOB_ID='6', SLURM_ARRAY_TASK_ID='4')
    assert out.splitlines()[-5:] == [
        '<a config.py>', '<--work-dir=work dir/seed4>', '<--seed=4>',
        '<--resume>', '<--amp>'
    ]


SRUN = """#!{}
import os, signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: sys.exit({}))
os.kill(os.getppid(), signal.SIGUSR1)
time.sleep(20)
sys.exit(50)
"""


@pytest.mark.parametrize('env, status, requeued', [
    (dict(), 0, ['7']),
    (dict(SLURM_ARRAY_JOB_ID='7', SLURM_ARRAY_TASK_ID='4'), 0, ['7_4']),
    (dict(REQUEUE='0'), 0, []),
    (dict(), 9, []),
])
def test_requeue_after_the_signal(submit, fake_path, env, status, requeued):
    """Only of a training that has stopped well, by the number of its own."""
    write_command(fake_path / 'srun', SRUN.format(sys.executable, status))
    code, out, err = submit('seeds.sbatch', *ARGS, **env)
    assert code == status, err
    assert [
        line.split()[1] for line in out.splitlines()
        if line.startswith('requeued')
    ] == requeued


def test_job_away_from_the_checkout(submit, tmp_path):
    code, out, err = submit(
        'one_node.sbatch', *ARGS, SLURM_SUBMIT_DIR=str(tmp_path))
    assert (code, out) == (2, '')
    assert err.splitlines()[-1].startswith(
        'error: submit from the checkout or set REPO')
