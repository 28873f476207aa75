# Copyright (c) semipose_mm authors.
"""Tests of dev/benchmarks/startup.py and what belongs to it."""
import json
import os
from importlib import import_module

import pytest
from mmpose.datasets import CocoDataset
from toy_tools import run_script

from semipose_mm.datasets import UnlabeledPoseDataset

METAINFO = CocoDataset(lazy_init=True).metainfo


@pytest.fixture
def startup(monkeypatch):
    return import_module('startup')


@pytest.mark.parametrize('annotated', [False, True])
def test_data(tmp_path, monkeypatch, annotated):
    """As many as were asked for, and all of them are used."""
    data = import_module('startup_data')
    data.write_data(tmp_path / 'data', 100, 5, annotated, pictures=True)
    root = str(tmp_path / 'data')
    options = dict(keypoints_only=True) if annotated else dict(
        bbox_file='annotations/unlabeled_detections.json')
    boxes = UnlabeledPoseDataset(
        ann_file='annotations/image_info_unlabeled.json',
        data_root=root,
        data_prefix=dict(img='images/unlabeled'),
        metainfo=METAINFO,
        **options)
    assert len(boxes) == 100
    paths = {boxes.data_list[i]['img_path'] for i in range(100)}
    assert len(paths) == boxes.data_list.num_files == 80
    assert all(map(os.path.isfile, paths))
    assert len({os.stat(path).st_ino for path in paths}) == data.PICTURES
    labels = CocoDataset(
        ann_file='annotations/person_keypoints_train.json', data_root=root)
    assert len(labels) == 5


def run(startup, tmp_path, monkeypatch, *options):
    out = tmp_path / 'out.json'
    run_script(
        startup,
        *('--turns', 1, '--labels', 6, '--folder', tmp_path, '--out', out),
        *options,
        monkeypatch=monkeypatch)
    return json.loads(out.read_text())['results']


def test_read_only(startup, tmp_path, monkeypatch, capsys):
    found = run(startup, tmp_path, monkeypatch, '--read-only', '--boxes', 6000)
    assert list(found) == ['6000']
    measured = found['6000'][0]
    assert measured['entries'] == 6000
    assert 28 < measured['index_bytes'] / 6000 < 100
    assert 0 < measured['peak_growth'] < 100 << 20
    assert set(measured['seconds']) == {'imports', 'unlabeled'}
    assert '| 6000' in capsys.readouterr().out


@pytest.mark.slow
def test_training(startup, tmp_path, monkeypatch, capsys):
    found = run(startup, tmp_path, monkeypatch, '--boxes', 60, '--workers', 2)
    measured = found['60, 2'][0]
    assert len(measured['workers']) == 2
    assert 0 < measured['workers'][0]['private'] < measured['main']['peak']
    assert list(measured['seconds'])[-1] == 'first iteration'
    assert min(measured['seconds'].values()) > 0
    assert '| 60, 2' in capsys.readouterr().out
    # nothing is left
    assert [file.name for file in tmp_path.iterdir()] == ['out.json']
