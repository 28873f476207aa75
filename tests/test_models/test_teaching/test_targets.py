# Copyright (c) semipose_mm authors.
"""Targets made of several teachers' outputs."""
import numpy as np
import pytest
import simcc_toys
import torch
import toys
from mmpose.registry import MODELS
from output_toys import (KINDS, build, golden_output, output_at, parts,
                         random_output)

from semipose_mm.models import (BestPairTarget, HardAffine,
                                HeightNormalizedTarget, MaximumTarget,
                                MeanTarget, RenderedTarget)
from semipose_mm.models.teaching.targets import first_smallest, pair_distances
from semipose_mm.structures import Draws

SSPCM = [(0, 1), (2, 1), (0, 3), (2, 3)]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def build_target(target, **kwargs):
    return MODELS.build(dict(type=target, **kwargs))


def assert_equal(one, two):
    assert all(map(torch.equal, parts(one), parts(two)))


def test_a_mean_is_the_outputs(kind):
    output = build(kind)
    outputs = [random_output(kind, seed) for seed in range(3)]
    assert_equal(MeanTarget().combine(output, outputs), output.mean(outputs))
    assert_equal(
        MeanTarget(outputs=[2, 0]).combine(output, outputs),
        output.mean([outputs[2], outputs[0]]))
    assert MeanTarget(outputs=[1]).combine(output, outputs) is outputs[1]


def test_a_target_is_the_outputs_own(kind):
    output, combined = build(kind), random_output(kind, 0)
    warp = HardAffine()(Draws(torch.rand(3, 3)), output.codec)
    for target, make in ((MeanTarget(), output.make_target),
                         (MaximumTarget(), output.make_target),
                         (BestPairTarget(), output.make_target),
                         (RenderedTarget(), output.render_target)):
        for found, expected in zip(
                target.make(output, combined, warp), make(combined, warp)):
            assert_equal(found, expected)


def test_a_maximum_keeps_what_one_teacher_alone_sees(kind):
    output = build(kind)
    points = torch.tensor([[[12., 16.]] * 5, [[48., 72.]] * 5])
    a, b = output_at(kind, points), output_at(kind, points.flip(0))
    found = MaximumTarget().combine(output, [a, b])
    assert_equal(found, output.maximum([a, b]))
    mean = MeanTarget().combine(output, [a, b])
    for combined, least in ((found, True), (mean, False)):
        confidence = output.peaks(combined)[1]
        # a mean of two that disagree has half of each
        assert (confidence > 0.9).all() == (least and kind == 'heatmaps')


def test_each_joint_has_the_pair_that_agrees_best(kind):
    """By a loop over all joints and pairs."""
    output = build(kind)
    outputs = [random_output(kind, seed) for seed in range(4)]
    points = [output.peaks(part)[0] for part in outputs]
    combined = BestPairTarget(pairs=SSPCM).combine(output, outputs)
    for u in range(3):
        for k in range(5):
            distances = [(points[i][u, k] - points[j][u, k]).norm().item()
                         for i, j in SSPCM]
            i, j = SSPCM[int(np.argmin(distances))]
            mean = output.mean([outputs[i], outputs[j]])
            for found, expected in zip(parts(combined), parts(mean)):
                assert torch.equal(found[u, k], expected[u, k])


def test_all_pairs_are_the_default(kind):
    """The one that is off its two peers does not teach."""
    output = build(kind)
    points = torch.rand(3, 5, 2) * 20 + 10
    away = points + 24
    outputs = [output_at(kind, p) for p in (points, away, points)]
    combined = BestPairTarget().combine(output, outputs)
    torch.testing.assert_close(
        output.peaks(combined)[0],
        output.peaks(outputs[0])[0],
        atol=1e-4,
        rtol=0)


def test_of_equal_distances_the_first_is_taken():
    values = torch.tensor([3., 1., 1., 2., 1.])[:, None, None]
    assert first_smallest(values.expand(5, 200, 30)).unique().tolist() == [1]
    values = torch.randint(3, (6, 50, 20)).float()
    expected = [[int(np.argmin(values[:, u, k].numpy())) for k in range(20)]
                for u in range(50)]
    assert first_smallest(values).tolist() == expected


def test_pairs_and_ensemble_are_sspcms(golden):
    """Those of the released code, whose square roots are less exact."""
    values = golden('sspcm_targets')
    output = golden_output()
    outputs = [
        torch.tensor(values[name]).float()
        for name in ('easy_A', 'easy_B', 'easy_A_last', 'easy_B_last')
    ]
    distances = pair_distances(output, outputs, SSPCM)
    np.testing.assert_allclose(
        distances / 4, values['pair_distance_px'], rtol=2e-7)
    np.testing.assert_array_equal(
        first_smallest(distances), values['pair_index'])
    combined = BestPairTarget(pairs=SSPCM).combine(output, outputs)
    np.testing.assert_array_equal(combined, values['ensemble'])


def test_peaks_are_raised_to_1_but_not_background():
    output = build('heatmaps')
    maps = random_output('heatmaps', 0).abs()
    maps[0] *= 0.2
    maps[1] *= 0.01 / maps[1].max()
    maps[2, 0] = 0
    target = HeightNormalizedTarget(min_height=0.05)
    combined = target.combine(output, [maps])
    heights = output.peaks(combined)[1]
    expected = torch.ones(3, 5)
    expected[1] = maps[1].amax((-2, -1)) / 0.05
    expected[2, 0] = 0
    torch.testing.assert_close(heights, expected)
    assert (expected[1] <= 0.21).all()
    # the form stays
    torch.testing.assert_close(
        combined[0] * maps[0].amax((-2, -1))[:, None, None], maps[0])
    twice = build_target(
        'HeightNormalizedTarget', of=dict(type='MaximumTarget'))
    torch.testing.assert_close(
        twice.combine(output, [maps, maps / 2]),
        HeightNormalizedTarget().combine(output, [maps]))


def test_what_no_target_can_be_made_of_is_refused_at_once():
    """Not at the end of a burn-in of hours."""
    peaks, rendered = (
        dict(
            toys.DUAL,
            routes=[dict(student=0, teachers=[1], target=dict(type=name))])
        for name in ('HeightNormalizedTarget', 'RenderedTarget'))
    with pytest.raises(TypeError, match='is HeightNormalizedTarget, but'):
        simcc_toys.build_model('RTMCCHead', **peaks)
    codec = dict(
        type='MegviiHeatmap',
        input_size=(64, 96),
        heatmap_size=(16, 24),
        kernel_size=(3, 3))
    head = dict(toys.BASE['head'], decoder=codec)
    cfg = dict(toys.BASE, type='SemiPoseEstimator', head=head)
    with pytest.raises(
            TypeError, match='MegviiHeatmap, .* as with --recipe posedual'):
        MODELS.build(dict(cfg, **rendered))
    MODELS.build(dict(cfg, **toys.DUAL))


def test_a_rendered_target_has_the_joints_of_the_other(kind):
    """One peak of height 1 wherever the teachers see one."""
    output = build(kind)
    points = (torch.rand(3, 5, 2) * torch.tensor([10., 18.])).round() * 4 + 8
    outputs = [0.3 * part for part in parts(output_at(kind, points))]
    seen = outputs[0] if kind == 'heatmaps' else type(output_at(kind, points))(
        *outputs)
    rendered = build_target('RenderedTarget', of=dict(type='MaximumTarget'))
    target, weights = rendered.make(output,
                                    rendered.combine(output, [seen, seen]),
                                    None)
    found = output.peaks(target)[0]
    torch.testing.assert_close(found, points, atol=0.51, rtol=0)
    assert (weights > 0).all()
    if kind == 'heatmaps':
        assert torch.equal(weights, torch.ones(3, 5))
        assert torch.equal(target.amax((-2, -1)), torch.ones(3, 5))


@pytest.mark.parametrize('cfg, message', [
    (dict(type='MeanTarget', outputs=[]), 'target.outputs of MeanTarget'),
    (dict(type='BestPairTarget', pairs=[(0, 0)]), 'target.pairs of BestPair'),
    (dict(type='BestPairTarget', pairs=[(0, 1, 2)]), r'got \(0, 1, 2\)'),
    (dict(type='BestPairTarget', pairs=[]), 'target.pairs of BestPair'),
    (dict(type='HeightNormalizedTarget', min_height=0), 'target.min_height'),
    (dict(type='HeightNormalizedTarget',
          of=dict(type='RenderedTarget')), 'let the latter be the outer one'),
    (dict(type='RenderedTarget',
          of=dict(type='JointCutout')), 'target.of.type is .JointCutout.'),
])
def test_wrong_values_name_the_key(cfg, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(cfg)


@pytest.mark.parametrize('target, num, message', [
    (MeanTarget(outputs=[0, 2]), 2,
     r'target.outputs names output 2, .* outputs 0 to 1'),
    (BestPairTarget(pairs=[(0, 3)]), 3,
     r'target.pairs names output 3, .* outputs 0 to 2'),
    (BestPairTarget(), 1, r'one output: name two teachers'),
])
def test_outputs_that_a_route_does_not_have(target, num, message):
    with pytest.raises(ValueError, match=message):
        target.combine(build('heatmaps'), [random_output('heatmaps', 0)] * num)
