# Copyright (c) semipose_mm authors.
"""Shell scripts beside commands that only tell how they were called."""
from functools import partial

import pytest
from toy_commands import call, fake_commands


@pytest.fixture
def fake_path(tmp_path):
    """A folder of commands that print their arguments."""
    return fake_commands(tmp_path / 'bin')


@pytest.fixture
def shell(fake_path):
    """Runs a script of tools/; tells its status, output and error output."""
    return partial(call, fake_path=fake_path)
