# Copyright (c) semipose_mm authors.
"""Tests of keypoints in configs, and of the command ``semipose check``."""
import copy
import re

import pytest
from mmpose.registry import DATASETS
from toy_check import check, has, make_config

from semipose_mm.cli import main


def test_keypoints_of_the_config(folder):
    cfg = make_config(folder)
    metainfo = copy.deepcopy(
        DATASETS.get('mmpose.CocoDataset')(lazy_init=True).metainfo)
    names = metainfo['keypoint_id2name']
    raw = dict(
        dataset_name='no_pairs',
        keypoint_info={i: dict(name=names[i], id=i)
                       for i in names},
        skeleton_info={},
        joint_weights=[1.] * 17,
        sigmas=[0.05] * 16)
    cfg.train_dataloader.dataset.labeled.metainfo = raw
    cfg.model.peers = [dict(head=dict(out_channels=9))]
    found = check(cfg, images=0)
    assert has(found, 'ERROR',
               'does not exchange names that are left and right', 'keypoints')
    assert has(found, 'ERROR', 'sigmas has 16 entries for 17', 'keypoints')
    assert has(found, 'ERROR', r'model.peers\[0\].head.out_channels is 9')
    info = cfg.train_dataloader.dataset.labeled.metainfo.keypoint_info
    info[5]['swap'] = 'right_shoulder'
    assert has(
        check(cfg, images=0), 'ERROR', 'does not go both ways', 'keypoints')


@pytest.mark.parametrize('names, mark, text', [
    ('nose FL FR', 'ERROR', r'left and right: 1 \(FL and FR\)'),
    ('nose leftEar rightEar', 'ERROR', 'left and right'),
    ('nose ear_1 ear_2', 'warning', 'look like one of a pair'),
    ('nose tail back', 'warning', 'exchanges nothing'),
])
def test_names_that_a_flip_does_not_exchange(names, mark, text, folder):
    cfg = make_config(folder)
    cfg.train_dataloader.dataset.labeled.metainfo = dict(
        dataset_name='own',
        keypoint_info={
            i: dict(name=name, id=i)
            for i, name in enumerate(names.split())
        },
        skeleton_info={},
        joint_weights=[1.] * 3,
        sigmas=[0.05] * 3)
    assert has(check(cfg, images=0), mark, text, 'keypoints')


@pytest.fixture
def call(monkeypatch, capsys):
    """Call the tool; its exit status, output and error output."""

    def run(*args):
        with pytest.raises(SystemExit) as end:
            main(['check', *map(str, args)])
        return (end.value.code, *capsys.readouterr())

    return run


def test_report_and_exit_status(folder, call, no_yapf, tmp_path):
    path = tmp_path / 'own.py'
    make_config(folder).dump(path)
    status, out, _ = call(path)
    assert status == 0 and '\n0 errors, 0 warnings' in out
    assert re.search(r'\nlabeled +5 +5 +5 +\d+ +0 +0\n', out)
    assert '\n  ok       ' in out
    status, out, _ = call(path, '--images', 'all', '--cfg-options',
                          'model.head.out_channels=3')
    assert status == 1 and '\n  ERROR    model.head.out_channels is 3' in out
    assert '\n1 errors, 0 warnings' in out


@pytest.mark.parametrize('args, message', [
    (['gone.py'], 'config file gone.py does not exist'),
    (['own.py', '--images', 'some'], "whole number or 'all'"),
    (['own.py', '--images', '-3'], "whole number or 'all'"),
    (['own.py', '--imags', '3'], 'did you mean --images'),
    (['own.py', '--num-labels', '3'], '--num-labels has no effect'),
    (['own.py', '--data-root', 'gone'], 'folder gone does not exist'),
])
def test_wrong_usage(args, message, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'own.py').write_text('model = dict()\n')
    status, out, err = call(*args)
    assert status == 2 and out == ''
    assert err.count('\n') == 1 and re.search(message, err), err


def test_config_without_data(call, tmp_path):
    (tmp_path / 'own.py').write_text("model = dict(type='X')\n")
    status, out, _ = call(tmp_path / 'own.py')
    assert status == 0 and 'the config has no train_dataloader' in out
