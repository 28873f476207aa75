# Copyright (c) semipose_mm authors.
"""Fixtures of the tests of tools."""
import os.path as osp

import pytest
from toy_tools import ROOT


@pytest.fixture
def dataset_tools(monkeypatch):
    """Let tools/dataset and what it imports be imported."""
    monkeypatch.syspath_prepend(osp.join(ROOT, 'tools'))
    monkeypatch.syspath_prepend(osp.join(ROOT, 'tools', 'dataset'))
