# Copyright (c) semipose_mm authors.
"""Fixtures: a SLURM of two virtual nodes, and a training for it."""
import os
import os.path as osp
import sys

import pytest
from people_toys import ROOT, own_config
from toy_slurm import Cluster, what_is_missing


@pytest.fixture(scope='session')
def cluster():
    """A SLURM that ends with the tests."""
    why = what_is_missing()
    if why:
        pytest.skip(why)
    bin_dir = osp.dirname(sys.executable)
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('SLURM', 'SBATCH', 'SEMIPOSE', 'MASTER_'))
    }
    env.update(
        REPO=ROOT,
        PYTHON=sys.executable,
        VIRTUAL_ENV=sys.prefix,
        PATH=f'{bin_dir}:{os.environ["PATH"]}',
        CUDA_VISIBLE_DEVICES='',
        OMP_NUM_THREADS='1')
    cluster = Cluster(env)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
    assert not cluster.leftovers()


@pytest.fixture
def config(people_root, tmp_path, no_yapf):
    """PoseDual with tiny networks; an epoch has one step on two processes."""
    cfg = own_config(
        people_root, tmp_path / 'unused', **{
            'train_cfg.max_epochs': 40,
            'train_cfg.val_interval': 40,
            'default_hooks.checkpoint.interval': 10,
            'log_level': 'INFO'
        })
    path = tmp_path / 'config.py'
    cfg.dump(path)
    return path
