# Copyright (c) semipose_mm authors.
"""A small config for the tools, and a way to call them."""
import importlib.util
import os
import os.path as osp
import subprocess
import sys

import pytest

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))

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
    """Run a tool as a user does, from another folder."""
    env = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    env['PYTHONPATH'] = osp.join(ROOT, 'tests', 'test_engine')
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


def options_tool(name, monkeypatch):
    """Import a tool into this process, for what it does before it runs."""
    monkeypatch.syspath_prepend(osp.join(ROOT, 'tests', 'test_engine'))
    monkeypatch.syspath_prepend(osp.join(ROOT, 'tools'))
    spec = importlib.util.spec_from_file_location(
        f'tool_{name}', osp.join(ROOT, 'tools', f'{name}.py'))
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    # what is set for the config goes away with the test
    variables = [v for row in tool_options().CONFIG_VARIABLES for v in row[1]]
    for variable in [*variables, 'LOCAL_RANK', 'RANK', 'WORLD_SIZE']:
        monkeypatch.setenv(variable, '')
        monkeypatch.delenv(variable)
    return tool


def import_tool(path, monkeypatch):
    """Import a file below tools/ as a module, with what it imports."""
    for folder in ('', 'analysis', 'benchmarks', 'dataset', 'dev', 'misc'):
        monkeypatch.syspath_prepend(osp.join(ROOT, 'tools', folder))
    return importlib.import_module(osp.basename(path)[:-len('.py')])


def run_main(tool, *args, monkeypatch):
    """Call a tool in this process, where a subprocess would take long."""
    monkeypatch.setattr(sys, 'argv', [tool.__file__, *map(str, args)])
    tool.main()


def tool_options():
    """The module of the tools' shared options."""
    import launch_options
    return launch_options


def merged_config(name, args, cwd, monkeypatch):
    """The config with which a tool would build its runner."""
    tool = options_tool(name, monkeypatch)
    monkeypatch.chdir(cwd)
    monkeypatch.setattr(sys, 'argv', [f'{name}.py', *args])
    parser = tool_options().ToolParser(prog=f'{name}.py')
    args = tool.parse_args(parser)
    cfg = tool_options().load_config(parser, args)
    tool.merge_args(parser, args, cfg)
    return cfg


def mistake(name, args, cwd, monkeypatch, capsys):
    """The one line with which a tool refuses its arguments."""
    with pytest.raises(SystemExit) as info:
        merged_config(name, args, cwd, monkeypatch)
    assert info.value.code == 2
    message, end = capsys.readouterr().err.split('\n')
    assert end == '' and message.startswith(f'{name}.py: error: ')
    return message
