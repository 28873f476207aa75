# Copyright (c) semipose_mm authors.
"""Tests of finding our base configs from outside of the repository."""
from pathlib import Path

import pytest
from mmengine.config import Config
from people_toys import ROOT

import semipose_mm
from semipose_mm import config_files


def test_a_leaf_anywhere(tmp_path):
    leaf = tmp_path / 'leaf.py'
    leaf.write_text(
        "_base_ = __import__('semipose_mm').config_path('_base_/posedual.py')")
    ours = Config.fromfile(Path(ROOT, 'configs/_base_/posedual.py'))
    assert Config.fromfile(leaf).to_dict() == ours.to_dict()


@pytest.mark.parametrize('place', ['.mim', '..'])
def test_installed_and_in_a_checkout(tmp_path, monkeypatch, place):
    package = tmp_path / 'semipose_mm'
    (package / place / 'tools').mkdir(parents=True)
    wanted = (package / place / 'configs/_base_/posedual.py').resolve()
    wanted.parent.mkdir(parents=True)
    wanted.write_text('a = 1')
    monkeypatch.setattr(config_files, '__file__',
                        str(package / 'config_files.py'))
    assert semipose_mm.config_path('_base_/posedual.py') == str(wanted)


def test_no_such_config():
    with pytest.raises(FileNotFoundError, match="no config '_base_/none.py'"):
        semipose_mm.config_path('_base_/none.py')
