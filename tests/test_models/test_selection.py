# Copyright (c) semipose_mm authors.
"""Which joints of a target count."""
import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from output_toys import (KINDS, build, golden_output, output_at, parts,
                         random_output)

from semipose_mm.models import (AgreementSelection, EitherSelection,
                                ProductSelection, QuantileSelection,
                                ScoreDifferenceSelection, ScoreSelection,
                                SmallLossSelection)
from semipose_mm.models.selection import Schedule

SCORE = dict(type='ScoreSelection', thr=0.1, outputs=[0, 1])
AGREEMENT = dict(type='AgreementSelection', thr=0.6, outputs=[0, 1])
SOFT = dict(type='AgreementSelection', thr=None, soft=True, outputs=[0, 1])
DIFFERENCE = dict(type='ScoreDifferenceSelection', outputs=[0, 1])


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def weights_of(selection, kind, outputs, progress=0.):
    output = build(kind)
    weights = selection(output, outputs, output.mean(outputs), progress)
    assert weights.shape == (len(parts(outputs[0])[0]), 5)
    assert weights.dtype == torch.float32
    assert 0 <= weights.min() and weights.max() <= 1
    return weights


# ------------------------------------------------------------------- scores


@pytest.mark.parametrize('power', [0., 2.])
def test_scores_above_a_threshold(kind, power):
    outputs = [random_output(kind, seed) for seed in range(3)]
    scores = [build(kind).peaks(part)[1] for part in outputs]
    mean = (scores[0] + scores[2]) / 2
    thr = mean.flatten().median().item()
    thr = min(thr, 1.)
    selection = ScoreSelection(thr=thr, power=power, outputs=[0, 2])
    weights = weights_of(selection, kind, outputs)
    expected = (mean > thr) * mean.clamp(0, 1)**power
    torch.testing.assert_close(weights, expected)


def test_a_score_at_the_threshold_is_dropped():
    maps = torch.full((1, 5, 24, 16), 0.25)
    assert not weights_of(ScoreSelection(0.25), 'heatmaps', [maps]).any()
    assert weights_of(ScoreSelection(0.24), 'heatmaps', [maps]).all()


def test_a_threshold_may_rise_with_the_run():
    maps = torch.full((1, 5, 24, 16), 0.25)
    selection = ScoreSelection(thr=dict(start=0.1, end=0.5, until=0.5))
    kept = [
        weights_of(selection, 'heatmaps', [maps], progress).all().item()
        for progress in (0., 0.1, 0.3, 1.)
    ]
    assert kept == [True, True, False, False]


# ---------------------------------------------------------------- quantiles


def quantile(keep, window):
    """A selection that is ready for the toys' joints."""
    selection = QuantileSelection(keep, window)
    selection.prepare(5)
    return selection


def test_the_most_confident_share_of_each_joint():
    """Over the window, whatever the joint's height."""
    output, generator = build('heatmaps'), torch.Generator().manual_seed(0)
    selection = quantile(0.25, 40)
    seen = []
    for _ in range(30):
        heights = torch.rand(
            4, 5, generator=generator) * torch.tensor(
                [1., 0.1, 0.01, 0.5, 0.3])
        maps = output_at('heatmaps', torch.full((4, 5, 2), 20.), heights)
        seen.append(heights)
        weights = selection(output, [maps], maps, 0.)
        window = torch.cat(seen)[-40:]
        kept = round(0.25 * len(window))
        for k in range(5):
            threshold = sorted(window[:, k].tolist(), reverse=True)[kept - 1]
            assert weights[:, k].tolist() == [
                float(h >= threshold) for h in heights[:, k].tolist()
            ]
    assert selection.history.shape == (40, 5)


@pytest.mark.parametrize('window', [1, 8, 64])
def test_the_kept_share_is_the_one_asked_for(kind, window):
    output = build(kind)
    selection = quantile(0.5, window)
    kept = []
    for seed in range(40):
        seen = random_output(kind, seed, num=8)
        # confidences of sharp vectors are all 1
        seen = output.apply(lambda part: 0.1 * part, seen)
        kept.append(selection(output, [], seen, 0.))
    kept = torch.stack(kept[10:]).mean((0, 1))
    assert (kept - 0.5).abs().max() < 0.1


def test_it_goes_on_from_its_state_exactly(kind):
    output = build(kind)
    batches = [random_output(kind, seed) for seed in range(12)]
    whole, first = quantile(0.4, 10), quantile(0.4, 10)
    expected = [whole(output, [], batch, 0.) for batch in batches]
    for batch in batches[:5]:
        first(output, [], batch, 0.)
    for length in (5, 0):
        second = quantile(0.4, 10)
        if length:
            second.load_state_dict(first.state_dict())
        found = [second(output, [], batch, 0.) for batch in batches[length:]]
        assert all(map(torch.equal, found, expected[length:]))


def test_a_batch_may_have_another_size(kind):
    output, selection = build(kind), quantile(0.5, 6)
    for num in (4, 1, 9, 2):
        weights = selection(output, [], random_output(kind, num, num), 0.)
        assert weights.shape == (num, 5)
    assert len(selection.history) == 6


def test_all_ranks_remember_the_samples_of_all(monkeypatch):
    output = build('heatmaps')
    mine, others = (random_output('heatmaps', seed) for seed in (0, 1))
    monkeypatch.setattr(
        'semipose_mm.models.selection.confidence.all_gather',
        lambda scores: [scores, output.peaks(others)[1]])
    selection = quantile(0.5, 100)
    selection(output, [], mine, 0.)
    seen = torch.cat([output.peaks(x)[1] for x in (mine, others)])
    assert torch.equal(selection.history[-len(seen):], seen)
    assert (selection.history[:-len(seen)] == -1).all()


# ---------------------------------------------------------------- agreement


def test_joints_that_are_seen_in_one_place(kind):
    """By the largest distance of several, in parts of the diagonal."""
    points = torch.rand(3, 5, 2) * torch.tensor([7., 11.])
    points = points.round() * 4 + 8
    others = points + torch.tensor([12., 0.])
    outputs = [output_at(kind, p) for p in (points, points, others)]
    diagonal = (64**2 + 96**2)**0.5
    for positions, distance in ((None, 12.), ([0, 1], 0.)):
        for thr in (11.5 / diagonal, 12.5 / diagonal, None):
            keeps = thr is None or distance / diagonal < thr
            for soft in (False, True):
                selection = AgreementSelection(thr, soft, positions)
                expected = keeps * (1 - soft * distance / diagonal)
                torch.testing.assert_close(
                    weights_of(selection, kind, outputs),
                    torch.full((3, 5), float(expected)))


def test_joints_of_which_all_are_equally_sure(kind):
    outputs = [random_output(kind, seed) for seed in range(3)]
    scores = torch.stack([build(kind).peaks(part)[1] for part in outputs])
    expected = 1 - (scores.max(0)[0] - scores.min(0)[0])
    torch.testing.assert_close(
        weights_of(ScoreDifferenceSelection(), kind, outputs),
        expected.clamp(min=0))
    same = weights_of(ScoreDifferenceSelection(), kind, outputs[:1] * 2)
    assert (same == 1).all()


@pytest.mark.parametrize(
    'selection',
    [AgreementSelection(), ScoreDifferenceSelection()])
def test_one_output_agrees_with_nothing(selection):
    with pytest.raises(ValueError, match='one output to compare.*MultiView'):
        weights_of(selection, 'heatmaps', [random_output('heatmaps', 0)])


# -------------------------------------------------------------- small losses


@pytest.mark.parametrize('keep', [0., 0.2, 0.8, 1.])
def test_the_smallest_losses_are_kept(keep):
    losses = torch.rand(8, 5)
    losses[2, 1:4] = losses[7] = float('inf')
    selection = SmallLossSelection(keep)
    weights = selection.refine(losses, 0.)
    finite = losses[losses.isfinite()]
    kept = max(round(keep * len(finite)), 1)
    assert weights.sum() == kept
    assert set(losses[weights == 1].tolist()) == set(
        finite.sort()[0][:kept].tolist())
    assert weights.dtype == torch.float32


def test_without_any_weight_nothing_is_kept():
    losses = torch.full((8, 5), float('inf'))
    assert not SmallLossSelection(0.8).refine(losses, 0.).any()


def test_the_share_falls_by_a_schedule(kind):
    selection = SmallLossSelection()
    assert weights_of(selection, kind, [random_output(kind, 0)]).all()
    losses = torch.rand(20, 5)
    shares = [
        selection.refine(losses, progress).mean().item()
        for progress in (0., 0.03, 0.06, 1.)
    ]
    assert shares == pytest.approx([1., 0.9, 0.8, 0.8])


# --------------------------------------------------------------- combinations


def test_a_product_keeps_what_all_keep(kind):
    outputs = [random_output(kind, seed) for seed in range(2)]
    cfgs = [SCORE, SOFT, DIFFERENCE]
    product = ProductSelection(cfgs)
    expected = torch.ones(3, 5)
    for cfg in cfgs:
        expected = expected * weights_of(MODELS.build(cfg), kind, outputs)
    torch.testing.assert_close(weights_of(product, kind, outputs), expected)
    assert not product.uses_losses
    losses = torch.rand(3, 5)
    assert (product.refine(losses, 0.) == 1).all()
    product = ProductSelection(
        [SCORE, dict(type='SmallLossSelection', keep=.4)])
    assert product.uses_losses
    assert torch.equal(
        product.refine(losses, 0.),
        SmallLossSelection(0.4).refine(losses, 0.))


def test_either_keeps_what_one_keeps(kind):
    outputs = [random_output(kind, seed) for seed in range(2)]
    either = EitherSelection([SCORE, SOFT])
    weights = [
        weights_of(MODELS.build(cfg), kind, outputs) for cfg in (SCORE, SOFT)
    ]
    torch.testing.assert_close(
        weights_of(either, kind, outputs), torch.maximum(*weights))


def test_states_of_parts_are_saved(kind):
    cfg = [SCORE, dict(type='QuantileSelection')]
    product, other = ProductSelection(cfg), ProductSelection(cfg)
    product.prepare(5)
    other.prepare(5)
    output, seen = build(kind), random_output(kind, 0)
    product(output, [seen, seen], seen, 0.)
    other.load_state_dict(product.state_dict())
    scores = output.peaks(seen)[1]
    assert torch.equal(other.of[1].history[-len(scores):], scores)


# ------------------------------------------------------------------- SSPCM


@pytest.mark.parametrize('cfg, name', [
    (SCORE, 'score_keep'),
    (AGREEMENT, 'agreement_keep'),
    (SOFT, 'agreement_weight'),
    (DIFFERENCE, 'score_diff_weight'),
])
def test_weights_are_sspcms(golden, cfg, name):
    values = golden('sspcm_targets')
    assert_golden(values, cfg, values[name][..., 0])


@pytest.mark.parametrize('cfg, name', [
    (dict(type='ProductSelection', of=[SCORE, AGREEMENT]), 'agreement_keep'),
    (dict(type='ProductSelection', of=[SCORE, SOFT]), 'agreement_weight'),
    (dict(type='ProductSelection', of=[SCORE, DIFFERENCE]), 'score_diff'),
    (dict(type='EitherSelection', of=[SCORE, AGREEMENT]), 'either'),
    (dict(
        type='ProductSelection',
        of=[
            dict(type='EitherSelection', of=[SCORE, AGREEMENT]), SOFT,
            DIFFERENCE
        ]), 'either_weighted'),
])
def test_combined_weights_are_sspcms(golden, cfg, name):
    """Those of network C, where joints are labeled at all."""
    values = golden('sspcm_targets')
    assert_golden(values, cfg, values[f'{name}_cons_weights'][2, ..., 0],
                  values['w_unlabeled'][..., 0])


def assert_golden(values, cfg, expected, factor=1.):
    outputs = [
        torch.tensor(values[name]).float()
        for name in ('easy_A', 'easy_B', 'easy_A_last', 'easy_B_last')
    ]
    weights = MODELS.build(cfg)(golden_output(), outputs, outputs[0], 0.)
    weights = weights.numpy() * factor
    np.testing.assert_array_equal(weights > 0, expected > 0)
    np.testing.assert_allclose(weights, expected, rtol=0, atol=2e-7)


# ------------------------------------------------------------------ settings


def test_schedules():
    plain = Schedule(0.3, 'key', 0, 1)
    assert [plain(x) for x in (0., 0.5, 1.)] == [0.3] * 3
    falling = Schedule(dict(start=1., end=0., until=0.5), 'key', 0, 1)
    assert [falling(x) for x in (0., 0.25, 0.5, 1.)] == [1., 0.5, 0., 0.]


@pytest.mark.parametrize('cfg, message', [
    (dict(type='ScoreSelection', thr=1.5), r'select.thr of .* in \[0, 1\]'),
    (dict(type='ScoreSelection', power=-1), 'select.power of'),
    (dict(type='ScoreSelection', thr=dict(start=0.)), 'select.thr of .* dict'),
    (dict(type='QuantileSelection', keep=dict(
        start=0, end=1, til=1)), 'select.keep of .* dict'),
    (dict(type='QuantileSelection', keep=dict(start=0, end=1, until=2)),
     r'select.keep of QuantileSelection.until .* \(0, 1\]'),
    (dict(type='QuantileSelection', window=0), 'select.window of'),
    (dict(type='AgreementSelection', thr=0), 'select.thr of'),
    (dict(type='SmallLossSelection', keep=-0.1), 'select.keep of'),
    (dict(type='ProductSelection', of=[]), 'select.of of'),
    (dict(type='EitherSelection', of=[dict(type='SmallLossSelection')
                                      ]), 'select.of of .* ProductSelection'),
])
def test_wrong_values_name_the_key(cfg, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(cfg)


def test_outputs_that_a_route_does_not_have():
    for cfg in (SCORE, AGREEMENT, DIFFERENCE):
        with pytest.raises(ValueError, match='select.outputs names output 1'):
            weights_of(
                MODELS.build(cfg), 'heatmaps', [random_output('heatmaps', 0)])
