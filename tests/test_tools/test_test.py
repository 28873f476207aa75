# Copyright (c) semipose_mm authors.
"""Tests of the command that tests."""
import mmengine
import pytest
import torch
from toy_tools import TEST_CONFIG, call, merged_config, mistake


@pytest.fixture
def files(tmp_path):
    config, checkpoint = tmp_path / 'toy.py', tmp_path / 'toy.pth'
    config.write_text(TEST_CONFIG)
    torch.save(dict(state_dict={}, meta={}), checkpoint)
    return str(config), str(checkpoint)


def test_scores_and_predictions(tmp_path, files):
    call(
        'test.py',
        *files,
        '--network',
        'ensemble',
        '--out',
        'new/scores.json',
        '--dump',
        'pred.pkl',
        '--cfg-options',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=True',
        cwd=tmp_path)
    scores = mmengine.load(str(tmp_path / 'new' / 'scores.json'))
    assert scores['PCK@0.1'] == 1 and scores['PCK@0.05'] == 0
    assert scores['net0/PCK@0.05'] == 1
    assert scores['net1/PCK@0.1'] == 0
    for name in ('pred', 'pred_net0', 'pred_net1'):
        assert len(mmengine.load(str(tmp_path / f'{name}.pkl'))) == 5


def test_several_processes_on_cpu(tmp_path, files):
    call(
        'test.py',
        *files,
        '--launcher',
        'pytorch',
        '--out',
        'scores.json',
        '--cfg-options',
        'model.test_cfg.network=1',
        cwd=tmp_path,
        launch=('-m', 'torch.distributed.run', '--standalone',
                '--nproc_per_node=2'))
    scores = mmengine.load(str(tmp_path / 'scores.json'))
    assert scores['PCK@0.1'] == 0 and scores['net0/PCK@0.05'] == 1


@pytest.mark.parametrize('args, message', [
    (['nope.py', 'CHECKPOINT'], 'config file nope.py does not exist'),
    (['CONFIG', 'no.pth'], 'checkpoint file no.pth does not exist'),
    (['CONFIG', 'CHECKPOINT', '--newtork', '1'], 'did you mean --network'),
    (['CONFIG', 'CHECKPOINT', '--network', '2'
      ], '--network is 2, but must be a number from 0 to 1 or ensemble'),
    (['CONFIG', 'CHECKPOINT', '--out', 'a.txt'], '--out is a.txt'),
    (['CONFIG', 'CHECKPOINT', '--dump', 'a.json'], '--dump is a.json'),
    (['CONFIG', 'CHECKPOINT', '--badcase'], '--badcase needs'),
    (['CONFIG', 'CHECKPOINT', '--show-dir', 'a'], '--show-dir need default_'),
])
def test_mistakes_give_one_line(tmp_path, files, monkeypatch, capsys, args,
                                message):
    places = dict(CONFIG=files[0], CHECKPOINT=files[1])
    args = [places.get(arg, arg) for arg in args]
    assert message in mistake('test', args, tmp_path, monkeypatch, capsys)


def test_network_of_one(tmp_path, files, monkeypatch, capsys):
    with open(files[0], 'a') as file:
        file.write("model['peers'] = []\n")
    args = [*files, '--network', '0']
    assert 'has one network' in mistake('test', args, tmp_path, monkeypatch,
                                        capsys)


def test_bad_cases(tmp_path, files, monkeypatch):
    with open(files[0], 'a') as file:
        file.write("default_hooks = dict(badcase=dict(type='BadCaseAnalysis"
                   "Hook', metric_type='accuracy'))\n")
    cfg = merged_config('test', [*files, '--badcase', '--interval', '4'],
                        tmp_path, monkeypatch)
    hook = cfg.default_hooks.badcase
    assert hook.enable and hook.interval == 4
    assert hook.metric == dict(type='BoxPCK')
    assert cfg.load_from == files[1]
