# Copyright (c) semipose_mm authors.
"""A copy of generated people that may be altered."""
import shutil

import pytest


@pytest.fixture
def folder(people_root, tmp_path):
    return shutil.copytree(people_root, tmp_path / 'people')
