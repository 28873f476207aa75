# Copyright (c) semipose_mm authors.
"""Properties of the geometry of hard views."""
import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap, UDPHeatmap

from semipose_mm.models import HardAffine, LegacyHardAffine
from semipose_mm.structures import (CodecGeometry, Draws, affine_matrix,
                                    conjugate_to_heatmap, heatmap_peaks,
                                    normalized_theta, transform_points, warp,
                                    warp_points)

SIZES = [((192, 256), (48, 64), 2.), ((288, 384), (72, 96), 3.),
         ((256, 256), (64, 64), 2.), ((256, 192), (64, 48), 2.)]
CODECS = [(MSRAHeatmap, dict(unbiased=True)), (UDPHeatmap, {})]


def centroids(heatmaps):
    """Centres of mass (B, 2) of one-channel heatmaps in heatmap pixels."""
    maps = heatmaps[:, 0].double()
    ys = torch.arange(maps.shape[-2]).double()[:, None]
    xs = torch.arange(maps.shape[-1]).double()
    mass = maps.sum((-1, -2))
    return torch.stack([(maps * xs).sum((-1, -2)) / mass, (maps * ys).sum(
        (-1, -2)) / mass], -1)


def warp_errors(affine, codec, num=120):
    """How far heatmaps and points part under a warp, in input pixels."""
    rng = np.random.default_rng(0)
    size = np.array(codec.input_size)
    points = size / 2 + (rng.random((num, 1, 2)) - 0.5) * size * 0.3
    maps = torch.tensor(
        np.stack([
            codec.encode(p[None].astype(np.float32), np.ones(
                (1, 1)))['heatmaps'] for p in points
        ]))
    geometry = CodecGeometry.from_codec(codec)
    scale, rotation = affine.draw(
        Draws(torch.tensor(rng.random((num, 3)), dtype=torch.float32)))
    view_warp = affine.view_warp(scale, rotation, geometry)
    matrix = affine_matrix(scale, rotation,
                           tuple((v - 1) / 2 for v in geometry.input_size))
    before = geometry.to_input(centroids(maps))[:, None].float()
    after = geometry.to_input(centroids(view_warp.heatmaps(maps)))
    return (after - warp_points(before, matrix)[:, 0]).norm(dim=-1)


@pytest.mark.parametrize('size, heatmap_size, sigma', SIZES)
@pytest.mark.parametrize('codec_type, kwargs', CODECS)
def test_centroids_commute_with_the_warp(codec_type, kwargs, size,
                                         heatmap_size, sigma):
    codec = codec_type(
        input_size=size, heatmap_size=heatmap_size, sigma=sigma, **kwargs)
    errors = warp_errors(HardAffine(), codec)
    assert errors.mean() < 0.03
    assert errors.max() < 0.15


def test_legacy_warp_shears_and_shifts_portrait_crops():
    codec = MSRAHeatmap(
        input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=True)
    assert warp_errors(LegacyHardAffine(), codec).max() > 1.


def test_identity_keeps_images_and_marks_everything_valid():
    codec = CodecGeometry((32, 48), (8, 12), (4., 4.))
    image, maps = torch.rand(2, 3, 48, 32), torch.rand(2, 5, 12, 8)
    one = HardAffine().view_warp(torch.ones(2), torch.zeros(2), codec)
    torch.testing.assert_close(one.images(image), image, atol=1e-5, rtol=0)
    torch.testing.assert_close(one.heatmaps(maps), maps, atol=1e-5, rtol=0)
    assert one.valid.min() == 1


def test_valid_region_is_where_a_map_of_ones_stays_one():
    codec = CodecGeometry((96, 128), (24, 32), (4., 4.))
    scale = torch.tensor([1.25, 1., 0.75])
    view = HardAffine().view_warp(scale, torch.tensor([20., -45., 10.]), codec)
    ones = view.heatmaps(torch.ones(3, 1, 32, 24))
    assert (ones[view.valid.bool()] > 0.999).all()
    assert (ones[~view.valid.bool()] < 0.999).all()
    assert 0 < view.valid[0].mean() < 1


def test_matrix_scales_and_turns_about_the_centre():
    matrix = affine_matrix(torch.tensor([2.]), torch.tensor([90.]), (10., 20.))
    points = torch.tensor([[[10., 20.], [11., 20.]]])
    moved = transform_points(points, matrix)
    torch.testing.assert_close(
        moved, torch.tensor([[[10., 20.], [10., 18.]]]), atol=1e-5, rtol=0)


def test_warping_points_inverts_the_sampling_matrix():
    matrix = affine_matrix(
        torch.tensor([1.2, 0.8]), torch.tensor([33., -50.]), (7., 9.))
    points = torch.rand(2, 6, 2) * 20
    back = transform_points(warp_points(points, matrix), matrix)
    torch.testing.assert_close(back, points, atol=1e-4, rtol=0)


def test_heatmap_motion_is_the_input_motion_in_other_units():
    matrix = affine_matrix(
        torch.tensor([1.1]), torch.tensor([25.]), (95.5, 127.5))
    codec = CodecGeometry((192, 256), (48, 64), (4., 3.5))
    points = torch.rand(1, 4, 2) * 40
    moved = transform_points(points,
                             conjugate_to_heatmap(matrix, codec.scale_factor))
    torch.testing.assert_close(
        codec.to_input(moved),
        transform_points(codec.to_input(points), matrix),
        atol=1e-3,
        rtol=0)


def test_theta_of_a_whole_pixel_shift_is_exact():
    shift = torch.eye(3)[None].clone()
    shift[0, 0, 2], shift[0, 1, 2] = 2., -1.  # output (x, y) shows (x+2, y-1)
    image = torch.arange(30.).reshape(1, 1, 5, 6)
    out = warp(image, normalized_theta(shift, (6, 5)))
    torch.testing.assert_close(out[0, 0, 1:, :4], image[0, 0, :-1, 2:])
    assert out[0, 0, 0].abs().max() == 0


@pytest.mark.parametrize('affine', [HardAffine(), LegacyHardAffine()])
def test_mixed_precision_changes_nothing(affine):
    """A product of matrices in bfloat16 would be off by pixels."""
    codec = CodecGeometry((288, 384), (72, 96), (4., 4.))
    generator = torch.Generator().manual_seed(0)
    uniforms = torch.rand(16, 3, generator=generator) * 0.98 + 0.01
    images = torch.rand(16, 3, 384, 288, generator=generator)
    maps = torch.rand(16, 5, 96, 72, generator=generator)
    points = torch.rand(16, 5, 2, generator=generator) * 288

    def run():
        view = affine(Draws(uniforms), codec)
        valid = () if view.valid is None else (view.valid, )
        return (view.images(images), view.heatmaps(maps), view.points(points),
                *valid)

    expected = run()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = run()
    for one, other in zip(found, expected):
        assert torch.equal(one, other)


def test_peaks():
    maps = torch.zeros(1, 2, 4, 5)
    maps[0, 0, 3, 1], maps[0, 1, 0, 4] = 0.5, 2.
    positions, heights = heatmap_peaks(maps)
    assert positions.tolist() == [[[1., 3.], [4., 0.]]]
    assert heights.tolist() == [[0.5, 2.]]


def test_golden_legacy_warp(golden):
    values = golden('warp_legacy')
    codec = CodecGeometry((48, 64), (12, 16), (4., 4.))
    view = LegacyHardAffine().view_warp(
        torch.tensor(values['scale']), torch.tensor(values['rotation_deg']),
        codec)
    np.testing.assert_allclose(view.image_theta, values['theta'], atol=1e-12)
    np.testing.assert_allclose(
        view.images(torch.tensor(values['image'])),
        values['warped_image'],
        atol=1e-5)
    np.testing.assert_allclose(
        view.heatmaps(torch.tensor(values['heatmap'])),
        values['warped_heatmap'],
        atol=1e-5)
    assert view.valid is None
