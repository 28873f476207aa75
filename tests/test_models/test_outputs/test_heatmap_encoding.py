# Copyright (c) semipose_mm authors.
"""Rendering in batch against MMPose's codecs, and peaks between pixels."""
import numpy as np
import pytest
import torch
from mmpose.codecs import MegviiHeatmap, MSRAHeatmap, UDPHeatmap

from semipose_mm.models.outputs.heatmap_encoding import (HeatmapEncoder,
                                                         subpixel_peaks)

SIZES = dict(input_size=(64, 96), heatmap_size=(16, 24))
CODECS = [
    MSRAHeatmap(sigma=2, **SIZES),
    MSRAHeatmap(sigma=1, **SIZES),
    MSRAHeatmap(sigma=1.5, unbiased=True, **SIZES),
    MSRAHeatmap(input_size=(65, 95), heatmap_size=(16, 24), sigma=2),
    UDPHeatmap(sigma=2, **SIZES),
    UDPHeatmap(input_size=(63, 97), heatmap_size=(17, 23), sigma=1.5),
]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize('codec', CODECS)
def test_heatmaps_are_the_codecs_own(codec):
    """In, at the border of and around the image."""
    rng = np.random.default_rng(0)
    size = np.array(codec.input_size)
    points = (rng.random(
        (400, 1, 2)) * 1.6 * size - 0.3 * size).astype(np.float32)
    points[:3, 0] = [(0, 0), size - 1, (-0.1, 5)]
    visible = np.ones((1, 1), np.float32)
    expected = [codec.encode(p[None], visible) for p in points]
    maps, inside = HeatmapEncoder.from_codec(codec).encode(
        torch.tensor(points))
    np.testing.assert_allclose(
        maps, np.stack([e['heatmaps'] for e in expected]), atol=1e-5)
    np.testing.assert_array_equal(
        inside, np.stack([e['keypoint_weights'][0] for e in expected]))
    assert 0 < inside.mean() < 1


@pytest.mark.parametrize('codec', [
    UDPHeatmap(heatmap_type='combined', **SIZES),
    MegviiHeatmap(kernel_size=5, **SIZES),
])
def test_other_codecs_are_refused(codec):
    with pytest.raises(TypeError, match='model.head.decoder.type is '):
        HeatmapEncoder.from_codec(codec)


def test_peaks_of_gaussians_are_exact():
    """Within the map; at its border the pixel is what is known."""
    codec = UDPHeatmap(sigma=2, **SIZES)
    inner = torch.rand(50, 4, 2) * torch.tensor([11., 19.]) + 2
    scale = torch.tensor(codec.scale_factor)
    maps, _ = HeatmapEncoder.from_codec(codec).encode(inner * scale)
    points, heights = subpixel_peaks(0.3 * maps)
    torch.testing.assert_close(points, inner, atol=1e-3, rtol=0)
    assert torch.equal(heights, (0.3 * maps).amax((-2, -1)))
    edge = torch.tensor([[[0.2, 0.3], [14.8, 22.9]]])
    points, _ = subpixel_peaks(
        HeatmapEncoder.from_codec(codec).encode(edge * scale)[0])
    assert points.tolist() == [[[0, 0], [15, 23]]]


def test_peaks_stay_within_half_a_pixel_of_the_highest():
    maps = torch.randn(40, 5, 24, 16)
    maps[0] = 0.
    maps[1] = 0.7  # all equal
    maps[2] = -maps[2].abs()
    points, _ = subpixel_peaks(maps)
    index = maps.flatten(2).argmax(-1)
    pixels = torch.stack([index % 16, index // 16], -1)
    assert (points - pixels).abs().max() <= 0.5
