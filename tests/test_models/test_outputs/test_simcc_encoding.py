# Copyright (c) semipose_mm authors.
"""Encoding in batch against MMPose's codec."""
import numpy as np
import pytest
import torch
from mmpose.codecs import SimCCLabel

from semipose_mm.models.outputs.simcc_encoding import SimCCEncoder

CODECS = [
    dict(input_size=(192, 256), sigma=(4.9, 5.66), normalize=False),
    dict(input_size=(192, 256), sigma=6.0),
    dict(input_size=(97, 131), sigma=2.5, simcc_split_ratio=1.5),
    dict(input_size=(64, 48), smoothing_type='standard'),
    dict(
        input_size=(64, 48),
        smoothing_type='standard',
        label_smooth_weight=0.1,
        simcc_split_ratio=3.),
]


def points_about(size, num=400):
    """Points in, at the border of and around an image (num, 1, 2)."""
    rng = np.random.default_rng(0)
    points = rng.random((num, 2)) * 1.4 * size - 0.2 * np.array(size)
    points[:8] = [(0, 0), size, (-0.1, 5), (5, -0.1), (0.25, 0.75),
                  (0.26, 0.74), (size[0] - 0.25, 3), (3, size[1] - 0.26)]
    return points[:, None].astype(np.float32)


@pytest.mark.parametrize('kwargs', CODECS)
def test_labels_are_the_codecs_own(kwargs):
    codec = SimCCLabel(**kwargs)
    points = points_about(codec.input_size)
    expected = codec.encode(points.copy())
    x, y, inside = SimCCEncoder.from_codec(codec).encode(torch.tensor(points))
    np.testing.assert_allclose(x, expected['keypoint_x_labels'], atol=1e-6)
    np.testing.assert_allclose(y, expected['keypoint_y_labels'], atol=1e-6)
    np.testing.assert_array_equal(inside, expected['keypoint_weights'])
    assert 0 < inside.mean() < 1
