# Copyright (c) semipose_mm authors.
"""Tests of the shell scripts that start distributed runs, with a torchrun and
an srun that only tell how they were called.

tests/test_slurm has real ones.
"""
import os
import shutil
import signal
import subprocess
import sys

import pytest
from toy_commands import ROOT, STEP, TOOLS, write_command

JOBS = TOOLS / 'slurm'
SCRIPTS = sorted([*TOOLS.rglob('*.sh'), *JOBS.glob('*.sbatch')])


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_syntax(script):
    done = subprocess.run(['bash', '-n', str(script)],
                          stderr=subprocess.PIPE,
                          text=True)
    assert done.returncode == 0, done.stderr


def test_dist_train(shell):
    code, out, _ = shell(
        'dist_train.sh',
        'a config.py',
        '2',
        '--cfg-options',
        'a=[1, 2]',
        PYTHONPATH='/elsewhere')
    assert code == 0
    assert out.splitlines() == [
        f'PYTHONPATH={ROOT}:/elsewhere', '<--nnodes=1>', '<--node_rank=0>',
        '<--master_addr=127.0.0.1>', '<--nproc_per_node=2>',
        '<--master_port=29500>', f'<{TOOLS}/train.py>', '<a config.py>',
        '<--launcher>', '<pytorch>', '<--cfg-options>', '<a=[1, 2]>'
    ]


def test_dist_environment(shell):
    _, out, _ = shell(
        'dist_test.sh',
        'config.py',
        'a.pth',
        '4',
        NNODES='3',
        NODE_RANK='1',
        MASTER_ADDR='10.0.0.1',
        PORT='1234')
    assert out.splitlines()[1:] == [
        '<--nnodes=3>', '<--node_rank=1>', '<--master_addr=10.0.0.1>',
        '<--nproc_per_node=4>', '<--master_port=1234>', f'<{TOOLS}/test.py>',
        '<config.py>', '<a.pth>', '<--launcher>', '<pytorch>'
    ]


def test_dist_within_a_step(shell):

    def told(**env):
        _, out, _ = shell('dist_train.sh', 'config.py', '8', **env)
        return out.splitlines()[1:6]

    assert told(**STEP) == [
        '<--nnodes=2>', '<--node_rank=1>', '<--master_addr=localhost>',
        '<--nproc_per_node=8>', '<--master_port=25000>'
    ]
    assert told(
        **STEP, MASTER_ADDR='10.1.1.1', MASTER_PORT='99')[2::2] == [
            '<--master_addr=10.1.1.1>', '<--master_port=99>'
        ]


def test_a_node_whose_name_does_not_resolve(shell, fake_path):
    scontrol = fake_path / 'scontrol'
    scontrol.write_text(scontrol.read_text().replace('localhost', '3.invalid'))
    _, out, _ = shell('dist_train.sh', 'config.py', '8', **STEP)
    assert '<--master_addr=10.0.0.3.invalid>' in out
    write_command(scontrol, '#!/bin/bash\necho broken >&2; exit 1\n')
    code, out, err = shell('dist_train.sh', 'config.py', '8', **STEP)
    assert (code, out) == (1, '')
    assert err == ('error: scontrol does not tell the address of node[7-8] '
                   '(broken): set MASTER_ADDR\n')


def test_a_port_that_is_none(shell):
    code, out, err = shell('dist_train.sh', 'config.py', '2', PORT='99999')
    assert (code, out) == (1, '')
    assert err.startswith('error: PORT is 99999, but must be a number from 1')


def test_dist_in_a_batch_script(shell):
    """It starts itself on all nodes, unless they are given."""
    job = dict(SLURM_JOB_ID='7', SLURM_JOB_NUM_NODES='2')
    args = ('dist_train.sh', 'a config.py', '2')
    # the shell of an allocation is a step by number only
    for extra in (dict(), dict(SLURM_STEP_ID='4294967290')):
        _, out, _ = shell(*args, **job, **extra)
        assert out.splitlines()[1:6] == [
            '<--nodes=2>', '<--ntasks=2>', '<--ntasks-per-node=1>',
            '<--cpu-bind=none>', '<--kill-on-bad-exit=1>'
        ]
        assert out.splitlines()[-5:] == [
            '<2>', f'<{TOOLS}/train.py>', '<a config.py>', '<--launcher>',
            '<pytorch>'
        ]
    _, out, _ = shell(*args, **job, NNODES='1')
    assert out.splitlines()[1] == '<--nnodes=1>'


def test_several_tasks_on_a_node(shell):
    step = dict(STEP, SLURM_STEP_NUM_TASKS='16')
    code, out, err = shell('dist_train.sh', 'config.py', '8', **step)
    assert (code, out) == (2, '')
    assert 'has 16 tasks on 2 nodes: use srun --ntasks-per-node=1' in err


RANKS = """#!{python}
import os, signal, subprocess, sys, time
if len(sys.argv) > 1 and sys.argv[1] == 'rank':
    heard = []
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    signal.signal(signal.SIGUSR1, lambda *_: heard.append('USR1'))
    signal.signal(signal.SIGTERM, lambda *_: heard.append('TERM'))
    worker = subprocess.Popen(['sleep', '60'], preexec_fn=lambda:
                              signal.signal(signal.SIGUSR1, signal.SIG_DFL))
    os.write(1, b'ready\\n')
    end = time.monotonic() + 20
    while not heard and time.monotonic() < end:
        time.sleep(0.05)
    os.write(1, f'{{heard}} worker {{worker.poll()}}\\n'.encode())
    worker.kill()
    sys.exit(3)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
ranks = [subprocess.Popen([sys.executable, __file__, 'rank'],
                          start_new_session=True) for _ in range(2)]
sys.exit(max(rank.wait() for rank in ranks))
"""


@pytest.mark.parametrize('name', ['USR1', 'TERM'])
def test_a_signal_reaches_the_ranks(fake_path, name):
    """One that the shell alone gets; torchrun and workers are spared."""
    write_command(fake_path / 'torchrun', RANKS.format(python=sys.executable))
    shell = subprocess.Popen(
        ['bash', str(TOOLS / 'dist_train.sh'), 'config.py', '2'],
        env=dict(os.environ, PATH=f'{fake_path}:{os.environ["PATH"]}'),
        stdout=subprocess.PIPE,
        text=True,
        # ignored in what a shell runs in the background, these tests, say
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert [shell.stdout.readline() for _ in range(2)] == ['ready\n'] * 2
    shell.send_signal(getattr(signal, f'SIG{name}'))
    assert shell.stdout.read() == f"['{name}'] worker None\n" * 2
    assert shell.wait(10) == 3


def test_dist_without_torchrun(fake_path):
    (fake_path / 'torchrun').unlink()
    needed = ('bash', 'dirname', 'python3')
    for name in needed:
        (fake_path / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [shutil.which('bash'),
         str(TOOLS / 'dist_train.sh'), 'config.py', '2'],
        env=dict(PATH=str(fake_path)),
        stdout=subprocess.PIPE,
        text=True)
    told = done.stdout.split('PYTHONPATH=')[-1].splitlines()
    assert told[1:4] == ['<-m>', '<torch.distributed.run>', '<--nnodes=1>']


def test_slurm_train(shell):
    code, out, _ = shell(
        'slurm_train.sh',
        'gpu',
        'my job',
        'config.py',
        'work dir',
        '--resume',
        GPUS='4',
        SRUN_ARGS='--account=me --time=1:00:00')
    assert code == 0
    told = out.splitlines()
    assert told[0] == f'PYTHONPATH={ROOT}'
    assert told[1:10] == [
        '<--kill-on-bad-exit=1>', '<--partition=gpu>', '<--job-name=my job>',
        '<--gres=gpu:4>', '<--ntasks=4>', '<--ntasks-per-node=4>',
        '<--cpus-per-task=5>', '<--account=me>', '<--time=1:00:00>'
    ]
    assert told[-6:] == [
        '<-u>', f'<{TOOLS}/train.py>', '<config.py>', '<--work-dir=work dir>',
        '<--launcher=slurm>', '<--resume>'
    ]


def test_slurm_resources_of_another_kind(shell):

    def gres(**env):
        _, out, _ = shell('slurm_test.sh', 'cpu', 'name', 'config.py', 'a.pth',
                          **env)
        return [line for line in out.splitlines() if line[:7] == '<--gres']

    assert gres() == ['<--gres=gpu:8>']
    assert gres(GPUS='16', GRES='gpu:a100:4') == ['<--gres=gpu:a100:4>']
    assert gres(GRES='') == []


@pytest.mark.parametrize('script', [
    'dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh',
    'slurm/one_node.sbatch', 'slurm/several_nodes.sbatch', 'slurm/seeds.sbatch'
])
def test_too_few_arguments(shell, script):
    code, out, err = shell(script, 'one', REPO=str(ROOT))
    assert code == 2
    assert out == ''
    assert err.startswith('usage: ')
