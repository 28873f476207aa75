# Copyright (c) semipose_mm authors.
"""Tests of whether boxes fit joints and images."""
import json

import numpy as np
import pytest

from semipose_mm.data_files import ERROR, WARNING, Findings
from semipose_mm.data_files.box_fit import (check_boxes, compare_sizes,
                                            relative_size)

ROUNDS = 150


def scene(rng, num=None):
    """Instances somewhere in images: boxes, joints, image sizes."""
    num = num or rng.integers(20, 60)
    sizes = rng.integers(80, 2000, (num, 2)).astype(float)
    share = rng.uniform(0.03, rng.uniform(0.1, 0.9), (num, 1))
    sides = sizes * share * rng.uniform(0.7, 1., (num, 2))
    corner = (sizes - sides) * rng.uniform(0, 1, (num, 2))
    num_joints = rng.integers(2, 18)
    spread = rng.uniform(0, 1, (num, num_joints, 2))
    keypoints = np.concatenate(
        (corner[:, None] + spread * sides[:, None], 2. *
         (rng.uniform(size=(num, num_joints, 1)) < 0.8)), 2)
    # boxes are wider than the joints, up to whole images
    room = rng.uniform(0, rng.choice([0.1, 0.5, 5.]), (num, 1)) * sides
    low = np.maximum(corner - room, 0)
    high = np.minimum(corner + sides + room, sizes)
    keypoints[keypoints[..., 2] == 0] = 0
    return np.hstack((low, high - low)), keypoints, sizes


def judge(boxes, keypoints, sizes):
    findings = Findings(strict=False)
    check_boxes(boxes, keypoints, sizes, 'labels.json', findings)
    return findings


def test_right_boxes_are_never_refused():
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        boxes, keypoints, sizes = scene(rng)
        # people click beside a box, and boxes leave the image a little
        keypoints[..., :2] += rng.normal(0, 0.03, keypoints[..., :2].shape) \
            * boxes[:, None, 2:]
        for joints in (keypoints, None):
            findings = judge(boxes, joints, sizes)
            assert not findings.count(ERROR), findings.lines(ERROR)
        few = slice(0, rng.integers(1, 4))
        assert not judge(boxes[few], None, sizes[few]).count(ERROR)


def corners(boxes, _):
    return np.hstack((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]))


def center(boxes, _):
    return np.hstack((boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]))


def normalised(boxes, sizes):
    return boxes / np.tile(sizes, 2)


@pytest.mark.parametrize('write, cause', [
    (corners, 'look like two corners'),
    (center, 'look like center and size'),
    (normalised, 'shares of the width'),
    (lambda *args: normalised(corners(*args), args[1]), 'shares of the width'),
    (lambda *args: normalised(center(*args), args[1]), 'shares of the width'),
])
def test_boxes_of_other_formats_are_recognised(write, cause):
    rng = np.random.default_rng(1)
    for _ in range(ROUNDS):
        boxes, keypoints, sizes = scene(rng)
        written = write(boxes, sizes)
        if relative_size(boxes, sizes) > 0.95:
            continue  # of whole images, both are nearly the same
        findings = judge(written, keypoints, sizes)
        lines = findings.lines(ERROR) or findings.lines(WARNING)
        assert len(lines) == 1 and lines[0].startswith('labels.json has ')
        assert cause in lines[0]


def test_detections_as_corners_leave_their_images():
    rng = np.random.default_rng(2)
    boxes, _, sizes = scene(rng, 200)
    line, = judge(corners(boxes, sizes), None, sizes).lines(ERROR)
    assert 'two corners' in line


def test_joints_of_other_images():
    rng = np.random.default_rng(3)
    boxes, keypoints, sizes = scene(rng)
    keypoints[..., :2] *= 3
    line, = judge(boxes, keypoints, sizes).lines(ERROR)
    assert 'of the labeled joints in their boxes' in line
    keypoints[..., :2] /= 3 * sizes[:, None]
    line, = judge(boxes, keypoints, sizes).lines(ERROR)
    assert 'keypoints that look like shares' in line


def test_single_boxes_below_a_pixel_are_said():
    rng = np.random.default_rng(4)
    boxes, keypoints, sizes = scene(rng)
    boxes[3, 2:] = 0.4
    findings = judge(boxes, keypoints, sizes)
    assert not findings.count(ERROR)
    assert '1 of' in findings.lines(WARNING)[0]


def test_whole_images_beside_tight_labels():
    sizes = np.full((10, 2), 100.)
    small = relative_size(np.full((10, 4), 30.), sizes)
    assert small == pytest.approx(0.3)
    for unlabeled, said in ((1., 'takes whole images as boxes that are 3.3'),
                            (0.1, '3.0 times smaller')):
        findings = Findings()
        compare_sizes(small, unlabeled, '--unlabeled x', findings)
        assert said in findings.lines(WARNING)[0]
    findings = Findings()
    compare_sizes(small, 0.4, '--unlabeled x', findings)
    compare_sizes(float('nan'), 0.4, '--unlabeled x', findings)
    assert not findings.count(WARNING)


@pytest.mark.parametrize('name', ['coco17', 'lspet', 'mouse9'])
def test_real_data_pass(data_root, name):
    for path in (data_root / name / 'annotations').glob('*.json'):
        content = json.loads(path.read_text())
        if isinstance(content, list) or not content.get('annotations'):
            continue
        images = {i['id']: i for i in content['images']}
        used = [a for a in content['annotations'] if a.get('keypoints')]
        sizes = [[images[a['image_id']][k] for k in ('width', 'height')]
                 for a in used]
        joints = np.reshape([a['keypoints'] for a in used], (len(used), -1, 3))
        findings = judge(
            np.array([a['bbox'] for a in used], float), joints,
            np.array(sizes, float))
        assert not findings.count(ERROR) + findings.count(WARNING)


@pytest.mark.parametrize('box, joints', [
    ([40, 40, 176, 176], [[75, 75], [180, 180], [120, 90]]),
    ([100, 50, 200, 300], [[190, 60], [210, 80], [200, 70]]),
])
def test_sound_boxes_that_are_large_for_their_joints(box, joints):
    """Padding, and labels of the head alone, are no reason to stop."""
    boxes = np.array([box] * 30, float)
    keypoints = np.array([[[x, y, 2] for x, y in joints]] * 30, float)
    findings = Findings(strict=False)
    check_boxes(boxes, keypoints, np.full((30, 2), 640.), 'a.json', findings)
    assert findings.count(ERROR) == 0
