# Copyright (c) semipose_mm authors.
"""Heatmaps: merged, moved, rendered and compared."""
import pytest
import torch
import toys
from mmpose.registry import KEYPOINT_CODECS

from semipose_mm.models import HardAffine
from semipose_mm.models.outputs import HeatmapOutput
from semipose_mm.models.outputs.heatmap_encoding import subpixel_peaks
from semipose_mm.structures import Draws

CODECS = dict(
    msra=dict(toys.CODEC, sigma=2.),
    unbiased=dict(toys.CODEC, unbiased=True),
    udp=dict(toys.CODEC, type='UDPHeatmap'))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(params=CODECS)
def output(request):
    """Heatmaps of a head with each codec."""
    return build_output(request.param)


def build_output(codec='msra', **kwargs):
    head = toys.build_model().head
    head.decoder = KEYPOINT_CODECS.build(CODECS[codec])
    return HeatmapOutput(head, **kwargs)


def encode(output, points):
    """The codec's heatmaps of points (U, K, 2), sample by sample."""
    return torch.stack([
        torch.tensor(output._decoder.encode(p[None].numpy())['heatmaps'])
        for p in points
    ])


def inner_points(num=6):
    """Points (num, K, 2) well within the image."""
    return torch.rand(num, toys.NUM_JOINTS, 2) * torch.tensor(
        [24., 56.]) + torch.tensor([20., 20.])


def test_mean_and_maximum():
    output = build_output()
    a, b, c = torch.randn(3, 2, 5, 24, 16)
    assert output.mean([a]) is a and output.maximum([a]) is a
    torch.testing.assert_close(output.mean([a, b, c]), (a + b + c) / 3)
    assert torch.equal(
        output.maximum([a, b, c]), torch.maximum(torch.maximum(a, b), c))


def test_choose_takes_each_joint_from_its_output():
    output = build_output()
    maps = list(torch.randn(3, 2, 5, 24, 16))
    index = torch.randint(3, (2, 5))
    chosen = output.choose(maps, index)
    for u in range(2):
        for k in range(5):
            assert torch.equal(chosen[u, k], maps[index[u, k]][u, k])


def test_rendered_targets_are_labels_of_the_warped_joints(output):
    """As the codec encodes them, beside how well peaks are found."""
    points = inner_points(30)
    maps = encode(output, points)
    warp = HardAffine()(Draws(torch.rand(30, 3)), output.codec)
    found = output.codec.to_input(subpixel_peaks(maps)[0])
    target, weights = output.render_target(0.4 * maps, warp)
    torch.testing.assert_close(
        target, encode(output, warp.points(found)), atol=1e-3, rtol=0)
    inside = encode(output, warp.points(found)).flatten(2).any(-1)
    assert torch.equal(weights.bool(), inside)
    assert torch.equal(output.contains(target), inside)
    # no warp: the labels themselves, where peaks are found between pixels
    if not (type(output._decoder).__name__ == 'MSRAHeatmap'
            and not output._decoder.unbiased):
        target, weights = output.render_target(0.4 * maps, None)
        torch.testing.assert_close(target, maps, atol=1e-3, rtol=0)
    assert weights.unique().tolist() in ([1.], [0., 1.])


def test_maps_without_a_peak_are_not_rendered(output):
    maps = encode(output, inner_points(2))
    maps[0, 1] = 0
    maps[1, 2] = -1
    target, weights = output.render_target(maps, None)
    expected = torch.ones(2, 5)
    expected[0, 1] = expected[1, 2] = 0
    assert torch.equal(weights, expected)
    assert not target[0, 1].any() and not target[1, 2].any()


def test_labels_move_with_their_images(output):
    """As the codec would encode them, but for the blur of a warp."""
    points = inner_points(20)
    weights = torch.randint(2, (20, 5)).float()
    warp = HardAffine(scale=0.)(Draws(torch.rand(20, 3)), output.codec)
    target, moved_weights = output.warp_labels(
        encode(output, points), weights, warp)
    assert moved_weights.shape == target.shape
    assert torch.equal(moved_weights, weights[..., None, None] * warp.valid)
    moved = warp.points(points)
    seen = ((moved > 8) & (moved < torch.tensor([56., 88.]))).all(-1)
    assert seen.float().mean() > 0.8
    error = (output.codec.to_input(subpixel_peaks(target)[0]) - moved)[seen]
    # MSRA puts peaks on pixels
    assert error.abs().max() < 2.8 and error.abs().mean() < 1.2


def test_flipped_back_peaks_are_near(output):
    """Nearer with the shift that the codec needs than with the other."""
    points = inner_points(20)
    mirrored = points.clone()
    mirrored[..., 0] = 63 - points[..., 0]
    mirrored = mirrored[:, toys.FLIP_INDICES]
    seen = encode(output, mirrored)

    def error(shift):
        back = output.flip_back(seen.clone(), toys.FLIP_INDICES, shift)
        found = subpixel_peaks(back)[0]
        return (output.codec.to_input(found) - points).abs().mean()

    assert error(None) == min(error(False), error(True))
    assert error(False) != error(True)


def test_unwarp_is_the_inverse(output):
    """Where the warped view shows the easy one."""
    maps = encode(output, inner_points(8))
    scale = torch.linspace(0.9, 1.1, 8)
    warp = HardAffine().view_warp(scale, torch.linspace(-50, 50, 8),
                                  output.codec)
    back = output.unwarp(warp.heatmaps(maps), warp)
    points, _ = output.peaks(back)
    expected, _ = output.peaks(maps)
    shown = warp.points(expected)
    limits = torch.tensor([64., 96.])
    shown = ((shown > 4) & (shown < limits - 8)).all(-1)
    assert shown.float().mean() > 0.8
    assert (points - expected)[shown].abs().max() < 4.3  # a pixel
    # bilinear twice: blurred, but of the same mass
    torch.testing.assert_close(
        back.sum((-2, -1))[shown], maps.sum((-2, -1))[shown], rtol=0.1, atol=0)


def test_unwarp_of_an_identity_changes_nothing(output):
    maps = torch.rand(2, 5, 24, 16)
    warp = HardAffine().view_warp(torch.ones(2), torch.zeros(2), output.codec)
    torch.testing.assert_close(
        output.unwarp(maps, warp), maps, atol=1e-5, rtol=0)


@pytest.mark.parametrize('shape', [(3, 5), (3, 5, 24, 16)])
def test_foreground_counts_as_often_as_asked(shape):
    model = toys.build_model()
    found, target = torch.randn(3, 5, 24, 16), torch.rand(3, 5, 24, 16) * 1.5
    target[0] -= 1
    weights = torch.rand(shape)
    output = HeatmapOutput(model.head, 10.)
    pixel = weights if len(shape) == 4 else weights[..., None, None]
    expected = (pixel * (1 + 9 * target.clamp(0, 1)) *
                (found - target)**2).mean()
    torch.testing.assert_close(
        output.loss(model.head, found, target, weights), expected)
    plain = HeatmapOutput(model.head)
    assert torch.equal(
        plain.loss(model.head, found, target, weights),
        model.head.loss_module(found, target, weights))


@pytest.mark.parametrize('weight', [0, -1., float('nan')])
def test_foreground_weight_is_checked(weight):
    with pytest.raises(ValueError, match='model.foreground_weight'):
        build_output(foreground_weight=weight)


@pytest.mark.parametrize('foreground_weight', [1., 5.])
def test_joint_losses_make_up_the_loss(foreground_weight):
    """Multiplied by how much each joint counts, and averaged."""
    model = toys.build_model()
    output = HeatmapOutput(model.head, foreground_weight)
    found = torch.randn(3, 5, 24, 16, requires_grad=True)
    target, weights = torch.rand(3, 5, 24, 16), torch.rand(3, 5)
    losses = output.joint_losses(model.head, found, target, weights)
    assert losses.shape == (3, 5) and not losses.requires_grad
    counted = output._weighted_foreground(target, weights)
    if counted.dim() == 2:
        counted = counted[..., None, None]
    shares = counted.expand_as(target).mean((-2, -1))
    torch.testing.assert_close((losses * shares).mean(),
                               output.loss(model.head, found, target,
                                           weights).detach())


def test_joint_losses_do_not_depend_on_how_much_joints_count():
    model = toys.build_model()
    found, target = torch.randn(3, 5, 24, 16), torch.rand(3, 5, 24, 16)
    weights = torch.rand(3, 5) + 0.1
    losses = [
        model.output.joint_losses(model.head, found, target, w)
        for w in (weights, torch.ones(3, 5))
    ]
    torch.testing.assert_close(*losses)
    weights[0, 1] = 0
    losses = model.output.joint_losses(model.head, found, target, weights)
    assert losses.isinf().nonzero().tolist() == [[0, 1]]


def test_features_may_be_restored_before_the_head():
    model = toys.build_model().eval()
    images = toys.build_batch()[0]['easy']
    order = torch.tensor([2, 0, 1])
    with torch.no_grad():
        expected = model.output.run(model, images)[order]
        found = model.output.run(
            model,
            images,
            restore=lambda feats: tuple(f[order] for f in feats))
    torch.testing.assert_close(found, expected)
