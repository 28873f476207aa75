# Copyright (c) semipose_mm authors.
"""A small config for the tools, and a way to call them."""
import os
import os.path as osp
import subprocess
import sys
from pathlib import Path

import pytest

from semipose_mm.cli import build_parser, main, options
from semipose_mm.cli.dispatch import find_module
from semipose_mm.cli.faults import one_line

ROOT = str(Path(__file__).resolve().parents[2])

CONFIG = """
custom_imports = dict(imports=['toy_runner', 'toy_poses'])
default_scope = 'mmpose'
labels = int('{{$SEMIPOSE_NUM_LABELS:11}}')
root = '{{$SEMIPOSE_DATA:data}}/toy/'
weights = '{{$SEMIPOSE_RESNET18:torchvision://resnet18}}'
model = dict(type='ToyModel')
train_dataloader = dict(
    batch_size=3, num_workers=0, dataset=dict(type='ToyDataset'),
    sampler=dict(type='SemiPoseSampler'),
    collate_fn=dict(type='default_collate'))
train_cfg = dict(type='SemiPoseTrainLoop', max_epochs=2)
optim_wrapper = dict(
    type='FiniteOptimWrapper', optimizer=dict(type='SGD', lr=0.1))
auto_scale_lr = dict(base_batch_size=6)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=2),
    checkpoint=dict(type='SafeCheckpointHook', interval=5, by_epoch=False),
    visualization=dict(type='PoseVisualizationHook'))
custom_hooks = []
"""

TEST_CONFIG = """
custom_imports = dict(imports=['toy_runner', 'toy_poses'])
default_scope = 'mmpose'
model = dict(type='ToyNetworks', offsets=[3, 15], peers=[dict()])
test_dataloader = dict(
    batch_size=2, dataset=dict(type='ToyPoseDataset'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'))
test_evaluator = dict(type='BoxPCK')
test_cfg = dict(type='SemiPoseTestLoop')
"""


def call(tool, *args, cwd, launch=(), check=True):
    """Run a script of tools/ as a user does, from another folder."""
    env = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    env['PYTHONPATH'] = osp.join(ROOT, 'tests', 'toys')
    for name in list(env):
        if name.startswith('SEMIPOSE_'):
            del env[name]
    result = subprocess.run(
        [sys.executable, *launch,
         osp.join(ROOT, 'tools', tool), *args],
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True)
    if check:
        assert result.returncode == 0, result.stdout[-4000:]
    return result


def run_script(script, *args, monkeypatch):
    """Call a script of the maintainers in this process."""
    monkeypatch.setattr(sys, 'argv', [script.__file__, *map(str, args)])
    script.main()


def run_command(command, *args):
    """Call a command in this process, where a subprocess takes long."""
    main([*command.split(), *map(str, args)])


def merged_config(command, args, cwd, monkeypatch):
    """The config with which a command would build its runner."""
    monkeypatch.syspath_prepend(osp.join(ROOT, 'tests', 'toys'))
    # what is set for the config goes away with the test
    variables = [v for row in options.CONFIG_VARIABLES for v in row[1]]
    for variable in [*variables, 'LOCAL_RANK', 'RANK', 'WORLD_SIZE']:
        monkeypatch.setenv(variable, '')
        monkeypatch.delenv(variable)
    monkeypatch.chdir(cwd)
    module = find_module(command)
    parser = build_parser(command)
    args = parser.parse_args(args)
    with one_line(parser):
        module.check_args(parser, args)
        cfg = options.load_config(parser, args)
        module.merge_args(parser, args, cfg)
    return cfg


def mistake(command, args, cwd, monkeypatch, capsys):
    """The one line with which a command refuses its arguments."""
    with pytest.raises(SystemExit) as info:
        merged_config(command, args, cwd, monkeypatch)
    assert info.value.code in (1, 2)
    message, end = capsys.readouterr().err.split('\n')
    assert end == '' and message.startswith(f'semipose {command}: error: ')
    return message
