# Copyright (c) semipose_mm authors.
"""Tests of what is refused before a run begins."""
import pytest
from mmengine.config import Config
from toy_tools import CONFIG, TEST_CONFIG, mistake


@pytest.fixture
def read_only(mounted):
    """A folder in which not even root can write."""
    return mounted('ro')


def test_read_only_work_dir(read_only, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'toy.py'
    path.write_text(CONFIG)
    line = mistake('train', [str(path), '--work-dir', f'{read_only}/new/run'],
                   tmp_path, monkeypatch, capsys)
    assert f'work_dir: nothing can be written in {read_only}/new/run: ' \
        'Read-only file system' in line


def test_read_only_results(read_only, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'toy.py'
    path.write_text(TEST_CONFIG)
    (tmp_path / 'a.pth').touch()
    line = mistake('test', [str(path), 'a.pth', '--out-dir',
                            str(read_only)], tmp_path, monkeypatch, capsys)
    assert f'--out-dir: nothing can be written in {read_only}' in line


def test_a_file_in_the_place_of_a_folder(tmp_path, monkeypatch, capsys):
    path = tmp_path / 'toy.py'
    path.write_text(CONFIG)
    line = mistake('train', [str(path), '--work-dir', f'{path}/run'], tmp_path,
                   monkeypatch, capsys)
    assert 'Not a directory' in line


@pytest.mark.parametrize('entry, key', [
    ("load_from = 'no.pth'", 'load_from'),
    ("model['init_cfg'] = dict(type='Pretrained', checkpoint='no.pth')",
     'model.init_cfg.checkpoint'),
    ("model['peers'] = [dict(backbone=dict(init_cfg=[dict(type='Pretrained', "
     "checkpoint='no.pth')]))]",
     'model.peers.0.backbone.init_cfg.0.checkpoint'),
])
def test_missing_weights(tmp_path, monkeypatch, capsys, entry, key):
    path = tmp_path / 'toy.py'
    path.write_text(f'{CONFIG}{entry}\n')
    line = mistake('train', [str(path)], tmp_path, monkeypatch, capsys)
    assert f'{key}: checkpoint file no.pth does not exist' in line


def test_other_places_are_left_to_mmengine(tmp_path, monkeypatch):
    from semipose_mm.cli.parser import ToolParser
    from semipose_mm.launch import run_checks
    cfg = Config(
        dict(
            load_from='https://a.b/c.pth',
            model=dict(
                init_cfg=dict(
                    type='Pretrained', checkpoint='torchvision://resnet18'))))
    run_checks.check_weights(ToolParser(prog='a'), cfg)
