# Copyright (c) semipose_mm authors.
"""Decoding in batch against MMPose's codecs, sample by sample."""
import copy
import warnings

import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap, SimCCLabel, UDPHeatmap

from semipose_mm.models.inference.decoding import build_decoder

SIZES = dict(input_size=(64, 96), heatmap_size=(16, 24))
HEATMAPS = [
    MSRAHeatmap(sigma=2, **SIZES),
    MSRAHeatmap(sigma=2, unbiased=True, **SIZES),
    MSRAHeatmap(sigma=2, unbiased=True, blur_kernel_size=5, **SIZES),
    UDPHeatmap(sigma=2, **SIZES),
    UDPHeatmap(sigma=2, blur_kernel_size=7, **SIZES),
    UDPHeatmap(input_size=(63, 97), heatmap_size=(17, 23), sigma=1.5),
]
SIMCC = [
    dict(sigma=(3., 3.5), normalize=False),
    dict(sigma=2.5, simcc_split_ratio=1.5, decode_visibility=True),
    dict(smoothing_type='standard', simcc_split_ratio=3.),
    dict(sigma=(3., 3.5), use_dark=True),
    dict(sigma=4, use_dark=True, decode_visibility=True, decode_beta=15.),
]
SIMCC = [SimCCLabel(input_size=(64, 48), **kwargs) for kwargs in SIMCC]


def moved(output, device):
    """An output on a device."""
    if isinstance(output, torch.Tensor):
        return output.to(device)
    return tuple(part.to(device) for part in output)


def decode(codec, output, device):
    """Points in input pixels and values (B, K), in batch on a device."""
    decoder = build_decoder(codec)
    found = decoder.locate(moved(output, device)).cpu().numpy()
    return decoder.to_input(found[..., :2]), np.moveaxis(found[..., 2:], -1, 0)


def decode_singly(codec, output):
    """The same by MMPose."""
    parts = (output, ) if isinstance(output, torch.Tensor) else output
    points, values = [], []
    for sample in zip(*parts):
        arrays = [part.numpy().copy() for part in sample]
        if len(parts) == 2:
            arrays = [array[None] for array in arrays]
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', RuntimeWarning)  # empty maps
            keypoints, scores = codec.decode(*arrays)
        points.append(keypoints[0])
        scores = scores if isinstance(scores, tuple) else (scores, )
        values.append([value[0] for value in scores])
    return np.stack(points), np.moveaxis(np.array(values), 1, 0)


def assert_same(codec, output, device, atol=1e-3):
    points, values = decode(codec, output, device)
    expected, expected_values = decode_singly(codec, output)
    assert points.dtype == expected.dtype
    assert points.shape == expected.shape and len(values) == len(
        expected_values)
    np.testing.assert_allclose(points, expected, atol=atol, rtol=1e-4)
    np.testing.assert_array_equal(values[0], expected_values[0])
    # numpy 2 rounds 1 of 120 softmax scores otherwise, by 1.2e-5, and other
    # devices may round more
    np.testing.assert_allclose(values, expected_values, rtol=5e-5)


def labels(codec, margin, num=12):
    """What a codec makes of 5 joints in ``num`` images, or outside."""
    rng = np.random.default_rng(0)
    size = np.array(codec.input_size)
    points = (rng.random((num, 5, 2)) * (1 - 2 * margin) + margin) * size
    visible = np.ones((1, 5), np.float32)
    return [codec.encode(p[None].astype(np.float32), visible) for p in points]


def heatmaps(codec, noise=0.):
    """Heatmaps as a network gives them."""
    # noise alone has no peak that rounding would not move
    margin = 0.1 if noise else -0.05
    maps = np.stack([label['heatmaps'] for label in labels(codec, margin)])
    rng = np.random.default_rng(1)
    maps = 0.7 * maps + noise * rng.standard_normal(maps.shape)
    return torch.tensor(maps, dtype=torch.float32)


def edge_maps(codec):
    """Peaks on every pixel of the border and beside it."""
    w, h = codec.heatmap_size
    ys, xs = np.mgrid[:h, :w]
    ring = [(x, y) for x in range(w) for y in range(h)
            if min(x, y, w - 1 - x, h - 1 - y) < 3]
    ring = ring[:len(ring) // 5 * 5]
    maps = [
        np.exp(-((xs - x - 0.2)**2 + (ys - y + 0.3)**2) / 8) for x, y in ring
    ]
    return torch.tensor(np.array(maps), dtype=torch.float32).view(-1, 5, h, w)


@pytest.mark.parametrize('codec', HEATMAPS)
@pytest.mark.parametrize('noise', [0., 0.02])
def test_heatmaps(codec, noise, device):
    maps = heatmaps(codec, noise)
    before = maps.clone()
    assert_same(codec, maps, device)
    assert torch.equal(maps, before)
    # as an output in channels_last
    assert_same(codec, maps.to(memory_format=torch.channels_last), device)


@pytest.mark.parametrize('codec', HEATMAPS)
def test_peaks_at_the_border(codec, device):
    assert_same(codec, edge_maps(codec), device)


@pytest.mark.parametrize('codec', HEATMAPS)
def test_maps_without_a_clear_peak(codec, device):
    w, h = codec.heatmap_size
    maps = heatmaps(codec)[:7]
    maps[0, 1:4] = 0
    maps[1] = -maps[1] - 0.1
    maps[2, 0, 3, 4] = maps[3, :, 7, 2:4] = float('nan')
    maps[2, 1, 9, 6:8] = float('inf')
    # these read beyond their ends, where others have a peak
    maps[2, 2, -1, -1] = maps[2, 4, -1, -1] = 9.
    maps[2, 3] = maps[6, 0] = -0.1
    maps[6, 4, -1, -1] = 9.
    maps[6, 1] = 0
    maps[6, 1, 8, 8] = 1e-11
    maps[4, 2] = 0.5  # all equal
    maps[5, 3] = 0
    maps[5, 3, 5:8, 5:8] = 1.  # nine equal peaks
    maps[5, 4] = 0
    maps[5, 4, 8, [3, w - 2]] = maps[5, 4, [4, h - 3], 8] = 0.5
    assert_same(codec, maps, device)


@pytest.mark.parametrize('codec', HEATMAPS[:1])
def test_noise_alone(codec, device):
    """The quarter shift compares neighbours only, so it is exact."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn((40, 5, 24, 16), generator=generator)
    assert_same(codec, maps, device, atol=0)
    assert_same(codec, maps.round(), device, atol=0)  # many ties


def vectors(codec, noise=0.):
    """Vectors as a network gives them."""
    rng = np.random.default_rng(2)
    parts = []
    for axis in 'xy':
        key = f'keypoint_{axis}_labels'
        part = np.concatenate(
            [label[key] for label in labels(codec, 0.1 if noise else -0.05)])
        part = 0.5 * part + noise * rng.standard_normal(part.shape)
        parts.append(torch.tensor(part, dtype=torch.float32))
    return tuple(parts)


@pytest.mark.parametrize('codec', SIMCC)
@pytest.mark.parametrize('noise', [0., 0.002])
def test_vectors(codec, noise, device):
    output = vectors(codec, noise)
    before = copy.deepcopy(output)
    assert_same(codec, output, device)
    assert all(map(torch.equal, output, before))


@pytest.mark.parametrize('codec', SIMCC)
def test_vectors_without_a_clear_peak(codec, device):
    x, y = vectors(codec)
    x[0, 1] = y[0, 1] = 0
    x[1] = -x[1] - 0.1
    x[2, 0, 3] = y[3, 2, 5] = float('nan')
    x[4, 2] = 0.5
    y[5, 3, 7:11] = 9.
    x[6, :, 0] = y[6, :, -1] = 9.
    assert_same(codec, (x, y), device)


@pytest.mark.parametrize('codec', [
    UDPHeatmap(heatmap_type='combined', **SIZES),
    MSRAHeatmap(sigma=2, unbiased=True, blur_kernel_size=4, **SIZES),
    SimCCLabel(input_size=(64, 48), sigma=0.4, use_dark=True),
    type('MyHeatmap', (MSRAHeatmap, ), {})(sigma=2, **SIZES),
])
def test_what_is_not_known_is_left_to_the_codec(codec):
    assert build_decoder(codec) is None


@pytest.mark.gpu
@pytest.mark.parametrize('codec', HEATMAPS + SIMCC)
def test_cuda_is_not_synchronized(codec):
    make = vectors if isinstance(codec, SimCCLabel) else heatmaps
    output, decoder = moved(make(codec), 'cuda'), build_decoder(codec)
    found = decoder.locate(output)  # copies what stays there
    torch.cuda.set_sync_debug_mode('error')
    try:
        again = decoder.locate(output)
    finally:
        torch.cuda.set_sync_debug_mode('default')
    assert torch.equal(again, found)
