# Copyright (c) semipose_mm authors.
"""Tests of trainings that are killed without warning."""
import json
import os.path as osp
import subprocess
import sys

import pytest
from killed_runs import INTERVAL


@pytest.mark.long
@pytest.mark.parametrize('kills', [
    3,
    pytest.param(30, marks=pytest.mark.slow),
])
def test_kill_9(people_root, tmp_path, kills):
    script = osp.join(osp.dirname(__file__), 'killed_runs.py')
    result = subprocess.run([
        sys.executable, script,
        str(people_root),
        str(tmp_path),
        str(kills), '0'
    ],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE,
                            text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    seen = json.loads(result.stdout)
    print(seen)
    assert seen['killed'] == kills
    # the moment passes in a few milliseconds, and is not always met
    assert seen['while_writing'] >= kills // 6
    assert max(seen['lost']) <= INTERVAL
    # nothing shows that it was killed
    assert seen['equal']
