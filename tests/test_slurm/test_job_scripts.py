# Copyright (c) semipose_mm authors.
"""The job scripts in a real SLURM: two nodes, kills, signals, arrays."""
import os
import re
import signal
from pathlib import Path

import pytest
import torch
from toy_slurm import NODES, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / 'tools' / 'slurm'
# as a user of a cluster without GPUs would
SMALL = ('--gres=none', '--cpus-per-task=1', '--time=10')


def train(cluster, script, config, *options, args=()):
    """Submit a job script, without changing it."""
    return cluster.submit(
        *SMALL,
        *options,
        str(JOBS / script),
        str(config),
        'work',
        *args,
        cwd=config.parent)


def resumed(job):
    """Iterations from which a job has gone on."""
    return [
        int(n)
        for n in re.findall(r'resumed epoch: \d+, iter: (\d+)', job.text())
    ]


def last_iteration(folder):
    """The iteration of the checkpoint that was written last."""
    files = [f for f in folder.glob('*.pth') if not f.name.startswith('best')]
    last = max(files, key=lambda file: file.stat().st_mtime_ns)
    return torch.load(last, weights_only=True)['meta']['iter']


def test_signal_on_several_nodes(cluster, config):
    """Torchrun on each node; stopped in time, requeued, and ended well."""
    job = train(cluster, 'several_nodes.sbatch', config)
    job.wait_for_text('[6][1/1]')
    ranks = job.ranks()
    assert [[env['RANK'] for env in ranks[node].values()]
            for node in NODES] == [['0'], ['1']]
    assert {
        env['WORLD_SIZE']
        for node in NODES
        for env in ranks[node].values()
    } == {'2'}

    # what SLURM does before the time limit
    cluster.call('scancel', '--batch', '--signal=USR1', job.number)
    job.wait_for_text(f'job {job.number} stopped before its time limit and')
    stopped, = re.findall(r'Training is stopped after iteration (\d+) of 40',
                          job.text())
    assert 6 <= int(stopped) < 30
    assert last_iteration(config.parent / 'work') == int(stopped)

    job.release()
    job.wait_for_state('COMPLETED', 'FAILED')
    assert job.field('JobState') == 'COMPLETED', job.text()[-4000:]
    assert job.field('Restarts') == '1'
    assert resumed(job) == [int(stopped)]
    assert last_iteration(config.parent / 'work') == 40


def test_killed_task_on_two_nodes(cluster, config):
    """One task a process; one is killed, and the requeued job goes on."""
    job = train(cluster, 'one_node.sbatch', config, '--nodes=2',
                '--ntasks-per-node=1')
    job.wait_for_text('[13][1/1]')
    ranks = job.ranks()
    assert [[env['SLURM_PROCID'] for env in ranks[node].values()]
            for node in NODES] == [['0'], ['1']]
    assert 'processes: 2 (launcher: slurm)' in job.text()

    victim, = ranks['virtual2']
    os.kill(victim, signal.SIGKILL)
    # a failure is not requeued by itself: it could come again and again
    job.wait_for_state('FAILED')
    assert 'requeued' not in job.text()
    assert not any(job.ranks().values())

    cluster.call('scontrol', 'requeue', job.number)
    job.release()
    job.wait_for_text('resumed epoch')
    job.wait_for_state('COMPLETED', 'FAILED')
    assert job.field('JobState') == 'COMPLETED', job.text()[-4000:]
    last, = resumed(job)
    assert last >= 10 and last % 10 == 0
    assert last_iteration(config.parent / 'work') == 40


def test_array_over_seeds(cluster, config):
    work = config.parent / 'work'
    job = train(
        cluster,
        'seeds.sbatch',
        config,
        '--array=3-4',
        args=('--cfg-options', 'train_cfg.max_epochs=1'))
    wait_for(
        lambda: not cluster.call(
            'squeue', '-h', '-j', job.number, check=False).strip(), 120,
        job.text)
    for seed in (3, 4):
        assert last_iteration(work / f'seed{seed}') == 2
        log, = (work / f'seed{seed}').glob('*/*.log')
        assert f', seed {seed}\n' in log.read_text()


@pytest.mark.slow
def test_time_limit(cluster, config):
    """The signal by SLURM itself, which comes up to a minute early."""
    job = train(
        cluster,
        'several_nodes.sbatch',
        config,
        '--time=2',
        '--signal=B:USR1@20',
        args=('--cfg-options', 'train_cfg.max_epochs=1500',
              'train_cfg.val_interval=1500'))
    job.wait_for_text('stopped before its time limit and', 120)
    job.release()
    job.wait_for_state('RUNNING')
    job.wait_for_text('resumed epoch')
    job.cluster.call('scancel', job.number)
    stopped = re.findall(r'is stopped after iteration (\d+) of 1500',
                         job.text())
    assert resumed(job) == [int(stopped[0])]
