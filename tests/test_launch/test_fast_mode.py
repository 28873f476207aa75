# Copyright (c) semipose_mm authors.
"""Tests of ``tools/train.py --fast``: what it writes into the config."""
from importlib import import_module

import pytest
import torch
from mmengine.config import Config
from people_toys import own_config
from toy_tools import merged_config, mistake

BARE = """
work_dir = 'run'
model = dict(type='SemiPoseEstimator')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1.))
custom_hooks = [dict(type='ChannelsLastHook'), dict(type='MutualTeachingHook')]
"""


@pytest.fixture
def processor(monkeypatch):
    """Sets what the processor can do; there is no GPU."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)

    def choose(*flags):
        tool = import_module('semipose_mm.launch.fast_mode')
        monkeypatch.setattr(tool, 'cpu_flags', lambda: set(flags))

    return choose


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of some generation."""

    def choose(*capability):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
        monkeypatch.setattr(torch.cuda, 'get_device_capability',
                            lambda: capability)

    return choose


def fast(text=BARE, *args, tmp_path, monkeypatch):
    path = tmp_path / 'bare.py'
    path.write_text(text)
    return merged_config('train', [str(path), '--fast', *args], tmp_path,
                         monkeypatch)


def hooks(cfg):
    return [hook.type for hook in cfg.custom_hooks]


@pytest.mark.parametrize('flags, wrapper, compiled', [
    (('avx2', ), 'OptimWrapper', False),
    (('avx512_bf16', ), 'AnyDeviceAmpOptimWrapper', False),
    (('avx512_bf16', 'amx_bf16'), 'AnyDeviceAmpOptimWrapper', True),
])
def test_processors(tmp_path, monkeypatch, processor, flags, wrapper,
                    compiled):
    processor(*flags)
    monkeypatch.setattr('shutil.which', lambda name: f'/usr/bin/{name}')
    cfg = fast(tmp_path=tmp_path, monkeypatch=monkeypatch)
    assert cfg.optim_wrapper.type == wrapper
    assert cfg.optim_wrapper.get('dtype') == ('bfloat16'
                                              if 'Amp' in wrapper else None)
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1., fused=True)
    assert hooks(cfg) == ['ChannelsLastHook', 'MutualTeachingHook'
                          ] + ['CompileHook'] * compiled
    # the meaning can be written down and read again
    again = Config.fromstring(cfg.pretty_text, '.py')
    assert again.custom_hooks == cfg.custom_hooks


def test_gpus(tmp_path, monkeypatch, gpu):
    gpu(9, 0)
    monkeypatch.setattr('shutil.which', lambda name: f'/usr/bin/{name}')
    monkeypatch.setattr('semipose_mm.launch.fast_mode.find_spec',
                        lambda name: name)
    cfg = fast(tmp_path=tmp_path, monkeypatch=monkeypatch)
    assert cfg.optim_wrapper.dtype == 'bfloat16'
    assert cfg.env_cfg.cudnn_benchmark
    assert 'CompileHook' in hooks(cfg)
    # Triton needs a C compiler
    monkeypatch.setattr('shutil.which', lambda name: None)
    assert 'CompileHook' not in hooks(
        fast(tmp_path=tmp_path, monkeypatch=monkeypatch))
    gpu(7, 5)
    monkeypatch.setattr('semipose_mm.launch.fast_mode.find_spec',
                        lambda name: None)
    cfg = fast(tmp_path=tmp_path, monkeypatch=monkeypatch)
    assert cfg.optim_wrapper.type == 'OptimWrapper'
    assert 'CompileHook' not in hooks(cfg)


def test_what_does_not_fit_is_left_out(tmp_path, monkeypatch, processor):
    processor('amx_bf16')
    text = BARE.replace("'Adam'", "'SGD'").replace(
        "'SemiPoseEstimator'", "'SemiPoseEstimator', recompute=['backbone']")
    cfg = fast(text, tmp_path=tmp_path, monkeypatch=monkeypatch)
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=1.)
    assert 'CompileHook' not in hooks(cfg)
    text = BARE.replace('SemiPoseEstimator', 'TopdownPoseEstimator')
    assert 'CompileHook' not in hooks(
        fast(text, tmp_path=tmp_path, monkeypatch=monkeypatch))


def test_options_have_the_last_word(tmp_path, monkeypatch, processor):
    processor('amx_bf16')
    cfg = fast(
        BARE,
        '--cfg-options',
        'optim_wrapper.optimizer.fused=False',
        tmp_path=tmp_path,
        monkeypatch=monkeypatch)
    assert cfg.optim_wrapper.optimizer.fused is False


def test_another_wrapper_is_refused(tmp_path, monkeypatch, capsys, processor):
    processor('amx_bf16')
    (tmp_path / 'bare.py').write_text(
        BARE.replace("'OptimWrapper'", "'ApexOptimWrapper'"))
    assert '--fast cannot change optim_wrapper.type ApexOptimWrapper' in \
        mistake('train', ['bare.py', '--fast'], tmp_path, monkeypatch, capsys)


def test_a_training(people_root, tmp_path, monkeypatch, device):
    """All that this machine gains from, on a real recipe."""
    cfg = own_config(people_root, tmp_path / 'run')
    cfg.dump(str(tmp_path / 'own.py'))
    cfg = merged_config('train', [str(tmp_path / 'own.py'), '--fast'],
                        tmp_path, monkeypatch)
    from mmengine.runner import Runner
    cfg.work_dir = str(tmp_path / 'run')
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2
    weight = runner.model.backbone.layer1[0].conv1.weight
    assert weight.device.type == device
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert runner.optim_wrapper.optimizer.defaults['fused'] is True
    dumped = Config.fromfile(str(next((tmp_path / 'run').glob('*.py'))))
    assert 'ChannelsLastHook' in hooks(dumped)
    pays = import_module('semipose_mm.launch.fast_mode').compiling_pays()
    assert ('CompileHook' in hooks(dumped)) == pays
