# Copyright (c) semipose_mm authors.
"""Tests of the shell scripts that start distributed runs, with a torchrun and
an srun that only tell how they were called."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
SCRIPTS = sorted([*TOOLS.rglob('*.sh'), *TOOLS.glob('*.sbatch')])
TELL = """#!/bin/bash
echo "PYTHONPATH=$PYTHONPATH"
printf '<%s>\\n' "$@"
"""


@pytest.fixture
def fake_path(tmp_path):
    """Make a folder of commands that print their arguments."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in ('torchrun', 'srun', 'python'):
        file = folder / name
        file.write_text(TELL)
        file.chmod(0o755)
    hostnames = folder / 'scontrol'
    hostnames.write_text('#!/bin/bash\nprintf "node7\\nnode8\\n"\n')
    hostnames.chmod(0o755)
    return folder


def call(script, *args, fake_path, **env):
    """Run a script away from the checkout."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('SLURM') and name not in (
            'PYTHONPATH', 'PORT', 'MASTER_PORT', 'MASTER_ADDR', 'NNODES',
            'NODE_RANK', 'GPUS', 'GPUS_PER_NODE', 'CPUS_PER_TASK', 'SRUN_ARGS')
    }
    done = subprocess.run(['bash', str(TOOLS / script), *args],
                          cwd=fake_path,
                          env=dict(
                              clean,
                              PATH=f'{fake_path}:{os.environ["PATH"]}',
                              **env),
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_syntax(script):
    done = subprocess.run(['bash', '-n', str(script)],
                          stderr=subprocess.PIPE,
                          text=True)
    assert done.returncode == 0, done.stderr


def test_dist_train(fake_path):
    code, out, _ = call(
        'dist_train.sh',
        'a config.py',
        '2',
        '--cfg-options',
        'a=[1, 2]',
        fake_path=fake_path,
        PYTHONPATH='/elsewhere')
    assert code == 0
    assert out.splitlines() == [
        f'PYTHONPATH={ROOT}:/elsewhere', '<--nnodes=1>', '<--node_rank=0>',
        '<--master_addr=127.0.0.1>', '<--nproc_per_node=2>',
        '<--master_port=29500>', f'<{TOOLS}/train.py>', '<a config.py>',
        '<--launcher>', '<pytorch>', '<--cfg-options>', '<a=[1, 2]>'
    ]


def test_dist_environment(fake_path):
    _, out, _ = call(
        'dist_test.sh',
        'config.py',
        'a.pth',
        '4',
        fake_path=fake_path,
        NNODES='3',
        NODE_RANK='1',
        MASTER_ADDR='10.0.0.1',
        PORT='1234')
    assert out.splitlines()[1:] == [
        '<--nnodes=3>', '<--node_rank=1>', '<--master_addr=10.0.0.1>',
        '<--nproc_per_node=4>', '<--master_port=1234>', f'<{TOOLS}/test.py>',
        '<config.py>', '<a.pth>', '<--launcher>', '<pytorch>'
    ]


def test_dist_within_slurm(fake_path):
    _, out, _ = call(
        'dist_train.sh',
        'config.py',
        '8',
        fake_path=fake_path,
        SLURM_JOB_ID='40000',
        SLURM_STEP_NUM_NODES='2',
        SLURM_NODEID='1',
        SLURM_STEP_NODELIST='node[7-8]')
    assert out.splitlines()[1:6] == [
        '<--nnodes=2>', '<--node_rank=1>', '<--master_addr=node7>',
        '<--nproc_per_node=8>', '<--master_port=25000>'
    ]


def test_dist_without_torchrun(fake_path):
    (fake_path / 'torchrun').unlink()
    needed = ('bash', 'dirname')
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


def test_slurm_train(fake_path):
    code, out, _ = call(
        'slurm_train.sh',
        'gpu',
        'my job',
        'config.py',
        'work dir',
        '--resume',
        fake_path=fake_path,
        GPUS='4',
        SRUN_ARGS='--account=me --time=1:00:00')
    assert code == 0
    told = out.splitlines()
    assert told[0] == f'PYTHONPATH={ROOT}'
    assert told[1:10] == [
        '<--partition=gpu>', '<--job-name=my job>', '<--gres=gpu:4>',
        '<--ntasks=4>', '<--ntasks-per-node=4>', '<--cpus-per-task=5>',
        '<--kill-on-bad-exit=1>', '<--account=me>', '<--time=1:00:00>'
    ]
    assert told[-6:] == [
        '<-u>', f'<{TOOLS}/train.py>', '<config.py>', '<--work-dir=work dir>',
        '<--launcher=slurm>', '<--resume>'
    ]


def test_slurm_port_is_the_job_s(fake_path):
    """The task of the srun command, run as SLURM would."""
    (fake_path / 'srun').write_text('#!/bin/bash\n'
                                    'while [ "$1" != bash ]; do shift; done\n'
                                    'SLURM_JOB_ID=12345 "$@"\n')
    (fake_path / 'python').write_text('#!/bin/bash\necho $MASTER_PORT $*\n')
    args = ('slurm_test.sh', 'gpu', 'name', 'config.py', 'a.pth')
    _, out, _ = call(*args, fake_path=fake_path)
    assert out.split() == [
        '27345', '-u', f'{TOOLS}/test.py', 'config.py', 'a.pth',
        '--launcher=slurm'
    ]
    _, out, _ = call(*args, fake_path=fake_path, MASTER_PORT='4321')
    assert out.split()[0] == '4321'


def test_slurm_job_script(fake_path, tmp_path):
    repo = tmp_path / 'repo'
    (repo / 'tools').mkdir(parents=True)
    (repo / 'tools/train.py').touch()
    script = shutil.copy(TOOLS / 'slurm_train.sbatch', tmp_path / 'slurm_job')
    code, out, _ = call(
        str(script),
        'config.py',
        'work dir',
        '--amp',
        fake_path=fake_path,
        SLURM_JOB_ID='7',
        SLURM_SUBMIT_DIR=str(repo),
        VIRTUAL_ENV='there')
    assert code == 0
    assert out.splitlines() == [
        f'PYTHONPATH={repo}', '<--kill-on-bad-exit=1>', '<--cpus-per-task=5>',
        '<python>', '<-u>', f'<{repo}/tools/train.py>', '<config.py>',
        '<--work-dir=work dir>', '<--launcher=slurm>', '<--resume=auto>',
        '<--amp>'
    ]


@pytest.mark.parametrize('script', [
    'dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh',
    'slurm_train.sbatch'
])
def test_too_few_arguments(script, fake_path):
    code, out, err = call(script, 'one', fake_path=fake_path)
    assert code == 2
    assert out == ''
    assert err.startswith('usage: ')
