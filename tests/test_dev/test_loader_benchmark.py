# Copyright (c) semipose_mm authors.
"""Test of dev/benchmarks/loader.py."""
import json
import os
import os.path as osp
import subprocess
import sys

import pytest

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
FOLDER = osp.join(ROOT, 'dev', 'benchmarks')
DATA = osp.join(os.environ.get('SEMIPOSE_DATA', 'data'), 'coco17')


@pytest.mark.skipif(not osp.isdir(DATA), reason=f'there is no {DATA}')
@pytest.mark.parametrize('hard, row', [
    pytest.param('affine', 'unlabeled: EasyHardPair', marks=pytest.mark.slow),
    ('randaug', 'of it randaug: RandAugment'),
])
def test_script_runs(tmp_path, hard, row):
    out = str(tmp_path / 'loader.json')
    process = subprocess.run([
        sys.executable,
        osp.join(FOLDER, 'loader.py'),
        osp.join(ROOT, 'configs', 'posedual_res18_coco17.py'), '--hard', hard,
        '--workers', '1', '--pairs', '4', '--turns', '1', '--out', out
    ],
                             cwd=ROOT,
                             capture_output=True,
                             text=True,
                             env=dict(os.environ, OMP_NUM_THREADS='1'))
    assert process.returncode == 0, process.stderr[-2000:]
    with open(out) as file:
        results = json.load(file)['results']
    assert results['milliseconds'][row] > 0
    assert results['pairs_per_second']['without cache'][0] > 0
    assert '| and normalizing' in process.stdout
