# Copyright (c) semipose_mm authors.
"""Tests of the command that trains."""
import glob
import os
import os.path as osp
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from mmengine.config import Config
from toy_tools import CONFIG, ROOT, call, merged_config, mistake


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'toy.py'
    path.write_text(CONFIG)
    return str(path)


@pytest.mark.long
def test_a_run_and_its_resume(tmp_path, config):
    (tmp_path / 'set').mkdir()
    options = ('--amp', '--seed', '7', '--data-root', 'set', '--num-labels',
               '4')
    whole = call('train.py', config, *options, cwd=tmp_path)
    work_dir = tmp_path / 'work_dirs' / 'toy'
    cfg = Config.fromfile(
        str(work_dir / 'toy.py'), import_custom_modules=False)
    assert cfg.optim_wrapper.type == 'AnyDeviceAmpOptimWrapper'
    assert cfg.randomness.seed == 7
    assert (cfg.labels, cfg.root) == (4, f'{tmp_path}/set/toy/')
    assert 'eta:' in whole.stdout and 'loss:' in whole.stdout

    # what is new comes in a few lines, none of them for a parameter
    log, = glob.glob(str(work_dir / '*' / '*.log'))
    with open(log) as file:
        text = file.read()
    assert 'Initialization of 6 parameters' in text
    assert 'backbone.weight - torch.Size' not in text

    other = call(
        'train.py',
        config,
        *options,
        '--work-dir',
        'other',
        '--resume',
        str(work_dir / 'iter_5.pth'),
        cwd=tmp_path)
    assert 'resumed epoch: 1, iter: 5' in other.stdout

    def weights(folder):
        files = glob.glob(str(folder / 'iter_*.pth'))
        last = max(files, key=lambda f: int(re.findall(r'\d+', f)[-1]))
        return osp.basename(last), torch.load(
            last, weights_only=True)['state_dict']

    (name, one), (other_name, two) = map(weights,
                                         (work_dir, tmp_path / 'other'))
    assert name == other_name == 'iter_8.pth'
    for key, value in one.items():
        assert torch.equal(value, two[key]), key


@pytest.mark.long
def test_several_processes_on_cpu(tmp_path, config):
    # only the second process asks for a stop, and both must leave
    with open(config, 'a') as file:
        file.write("custom_hooks += [dict(type='StopHook', iteration=3, "
                   'rank=1)]\n')
    result = call(
        'train.py',
        config,
        '--launcher',
        'pytorch',
        '--cfg-options',
        'train_dataloader.dataset.length=90',
        cwd=tmp_path,
        launch=('-m', 'torch.distributed.run', '--standalone',
                '--nproc_per_node=2'))
    assert 'processes: 2 (launcher: pytorch)' in result.stdout
    assert 'stopped after iteration 10 of 30' in result.stdout


def test_options_in_the_config(tmp_path, config, monkeypatch):
    (tmp_path / 'a.pth').touch()
    cfg = merged_config('train', [
        config, '--no-validate', '--auto-scale-lr', '--show-dir', 'pictures',
        '--interval', '3', '--resume', 'a.pth', '--work-dir', 'run',
        '--backbone-weights', 'a.pth', '--cfg-options',
        'train_cfg.max_epochs=1', 'optim_wrapper.optimizer.lr=0.2'
    ], tmp_path, monkeypatch)
    assert cfg.auto_scale_lr.enable and cfg.train_cfg.max_epochs == 1
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=0.2)
    assert cfg.optim_wrapper.type == 'FiniteOptimWrapper'
    assert (cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator) == (None, ) * 3
    assert cfg.resume is True and cfg.load_from == 'a.pth'
    assert cfg.work_dir == 'run'
    assert cfg.weights == str(tmp_path / 'a.pth')
    hook = cfg.default_hooks.visualization
    assert hook.enable and not hook.show
    assert (hook.out_dir, hook.interval) == ('pictures', 3)


def test_automatic_resume(tmp_path, config, monkeypatch):
    cfg = merged_config('train', [config, '--resume'], tmp_path, monkeypatch)
    assert cfg.resume == 'auto'
    assert cfg.work_dir == './work_dirs/toy'


@pytest.mark.parametrize('args, message', [
    (['nope.py'], 'config file nope.py does not exist'),
    (['CONFIG', '--reusme'], 'unknown option --reusme, did you mean --resume'),
    (['CONFIG', '--resume', 'no.pth'], 'checkpoint file no.pth does not exis'),
    (['CONFIG', '--data-root', 'none'], '--data-root: folder none does not'),
    (['CONFIG', '--num-labels', 'few'], '--num-labels is few'),
    (['CONFIG', '--backbone-weights', 'a.pth'], 'file a.pth does not exist'),
    (['CONFIG', '--seed', '-1'], '--seed is -1'),
    (['CONFIG', '--cfg-options', 'a'], '--cfg-options takes KEY=VALUE'),
    (['CONFIG', '--cfg-options', 'a=[dict(b=1,c=2)]'
      ], '--cfg-options takes KEY=VALUE'),
    (['CONFIG', '--launcher', 'slurm'], '--launcher slurm finds no SLURM_P'),
    (['CONFIG', '--launcher', 'pytorch'], 'start it with torchrun'),
    ([], 'the following arguments are required: config'),
])
def test_mistakes_give_one_line(tmp_path, config, monkeypatch, capsys, args,
                                message):
    args = [config if arg == 'CONFIG' else arg for arg in args]
    assert message in mistake('train', args, tmp_path, monkeypatch, capsys)


def test_amp_of_another_wrapper(tmp_path, config, monkeypatch, capsys):
    with open(config, 'a') as file:
        file.write("optim_wrapper['type'] = 'ApexOptimWrapper'\n")
    assert 'ApexOptimWrapper' in mistake('train', [config, '--amp'], tmp_path,
                                         monkeypatch, capsys)


def test_an_option_that_the_config_does_not_read(tmp_path, config, monkeypatch,
                                                 capsys):
    with open(config) as file:
        text = file.read()
    with open(config, 'w') as file:
        file.write(text.replace('SEMIPOSE_RESNET18', 'OTHER'))
    args = [config, '--backbone-weights', 'torchvision://resnet18']
    assert '--backbone-weights has no effect' in mistake(
        'train', args, tmp_path, monkeypatch, capsys)


def test_automatic_resume_with_the_stock_hook(tmp_path, config, monkeypatch):
    """It would take `load_from` for a checkpoint of the run."""
    with open(config, 'a') as file:
        file.write("default_hooks['checkpoint']['type'] = 'CheckpointHook'\n"
                   "load_from = 'weights.pth'\n")
    cfg = merged_config('train', [config, '--resume'], tmp_path, monkeypatch)
    assert cfg.resume is True and cfg.load_from is None


@pytest.mark.long
@pytest.mark.parametrize('name, workers', [('SIGUSR1', 0), ('SIGTERM', 2)])
def test_a_signal_ends_a_training_well(tmp_path, config, name, workers):
    """It may come to all processes, as it does from SLURM."""
    command = [
        sys.executable,
        osp.join(ROOT, 'tools', 'train.py'), config, '--cfg-options',
        'train_cfg.max_epochs=1000000', 'default_hooks.checkpoint.interval=-1',
        f'train_dataloader.num_workers={workers}'
    ]
    env = dict(os.environ, OMP_NUM_THREADS='1')
    env['PYTHONPATH'] = osp.join(ROOT, 'tests', 'toys')
    with open(tmp_path / 'log', 'w') as log:
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            env=env,
            start_new_session=True)
        while 'loss:' not in (tmp_path / 'log').read_text():
            assert process.poll() is None, (tmp_path / 'log').read_text()
            time.sleep(0.2)
        os.killpg(process.pid, getattr(signal, name))
        assert process.wait(60) == 0, (tmp_path / 'log').read_text()
    text = (tmp_path / 'log').read_text()
    assert f'{name} asks for the end of the training' in text
    stopped = re.search(r'stopped after iteration (\d+) of 4000000', text)[1]
    saved = tmp_path / 'work_dirs' / 'toy' / f'iter_{stopped}.pth'
    meta = torch.load(saved, weights_only=True)['meta']
    assert meta['iter'] == int(stopped)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # no worker is left


@pytest.mark.long
def test_a_signal_ends_a_stock_loop_at_once(tmp_path, config):
    with open(config, 'a') as file:
        file.write('train_cfg = dict(by_epoch=True, max_epochs=1000000)\n'
                   "train_dataloader['sampler']['type'] = 'DefaultSampler'\n")
    command = [sys.executable, osp.join(ROOT, 'tools', 'train.py'), config]
    env = dict(os.environ, OMP_NUM_THREADS='1')
    env['PYTHONPATH'] = osp.join(ROOT, 'tests', 'toys')
    with open(tmp_path / 'log', 'w') as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=log, stderr=log, env=env)
        while 'loss:' not in (tmp_path / 'log').read_text():
            assert process.poll() is None, (tmp_path / 'log').read_text()
            time.sleep(0.2)
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM


def test_exit_status(tmp_path):
    result = call('train.py', 'nope.py', cwd=tmp_path, check=False)
    assert result.returncode == 2 and 'Traceback' not in result.stdout
