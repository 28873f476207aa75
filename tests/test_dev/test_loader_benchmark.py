# Copyright (c) semipose_mm authors.
"""Tests of dev/benchmarks/loader.py and the loader that it compares with."""
import json
import os
import os.path as osp
import subprocess
import sys

import cv2
import numpy as np
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
    assert results['times_the_released']['ours'][0] > 0
    assert '| released code' in process.stdout


@pytest.fixture
def released(monkeypatch):
    """The module of the comparison."""
    monkeypatch.syspath_prepend(FOLDER)
    import released_loader
    return released_loader


def test_released_loader(released, tmp_path):
    """A crop, its joints and targets belong together."""
    image = np.zeros((80, 60, 3), np.uint8)
    image[38:43, 18:23] = 255
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, image)
    points = np.zeros((1, 2, 2), np.float32)
    points[0, 0] = 20, 40
    info = dict(
        img_path=path,
        bbox=np.array([[10., 10., 50., 70.]]),
        keypoints=points,
        keypoints_visible=np.array([[1., 0.]]),
        flip_indices=[1, 0])
    loader = released.ReleasedLoader([info], [info], (48, 64), lambda p: p)
    np.random.seed(0)
    joints = set()
    for _ in range(20):
        samples = loader.pair(0, 0)
        assert len(samples) == 3
        for crop, target, weight, meta in samples:
            assert crop.shape == (3, 64, 48) and target.shape == (24, 16, 12)
            if not weight.any():
                continue
            joint = int(weight.argmax())
            joints.add(joint)
            y, x = np.unravel_index(target[joint].argmax(), (16, 12))
            # the bright square about the joint
            bright = np.argwhere(crop[0].numpy() > crop[0].numpy().max() / 2)
            assert abs(bright.mean(0) - 4 * np.array([y, x])).max() < 3.5
            assert meta['mask'].shape == (2, 64, 48)
        easy, hard = samples[1:]
        assert np.array_equal(easy[0], hard[0])
    assert joints == {0, 1}
