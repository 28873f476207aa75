# Copyright (c) semipose_mm authors.
"""Statistics of teaching and the collapse alarm."""
import pytest
import torch
from toys import DUAL, build_batch, build_model

from semipose_mm.engine.collapse_alarm import CollapseAlarm
from semipose_mm.engine.label_limit import LabelLimit
from semipose_mm.engine.statistics import agreement, teaching_statistics


def test_agreement_counts_joints_whose_peaks_coincide():
    a = torch.full((1, 4, 2), 10.)
    b = a + torch.tensor([[0., 0.], [2., 0.], [0., 3.], [20., 0.]])
    assert agreement(a, b, (30, 40)) == 0.5  # 5 % of 40 px are 2 px
    assert agreement(a, b, (30, 40), torch.tensor([[1, 1, 0, 0]])) == 1
    assert agreement(a, b, (30, 40), torch.zeros(1, 4)) == 0


def test_statistics_of_a_step():
    model = build_model(**DUAL)
    model.loss(*build_batch())
    step = model.last_step
    stats = teaching_statistics(step)
    assert sorted(stats) == sorted(['agreement/net0_net1'] + [
        f'net{i}/{name}' for i in (0, 1)
        for name in ('peak_labeled', 'peak_unlabeled', 'peak_hard',
                     'easy_hard_agreement', 'unsup_sup_ratio', 'consistency',
                     'label_limit')
    ] + ['unsup_weight'])
    assert all(v.ndim == 0 and not v.requires_grad for v in stats.values())
    heights = step.easy[1][0].flatten(2).amax(-1)
    torch.testing.assert_close(stats['net1/peak_unlabeled'], heights.mean())
    torch.testing.assert_close(
        stats['net0/unsup_sup_ratio'],
        step.losses['net0/loss_unsup'] / step.losses['net0/loss_sup'])
    # without weights, of which labels have half
    torch.testing.assert_close(stats['net0/label_limit'],
                               stats['net0/unsup_sup_ratio'] / 2)


def test_label_limit_is_a_median_of_readings():
    limit = LabelLimit(window=2)
    limit.read({'net0/label_limit': 1., 'net1/label_limit': 2.})
    assert limit.ratio is None and 'too early' in str(limit)
    limit.read({'net0/label_limit': 0.1, 'net1/label_limit': 0.2})
    assert limit.ratio == pytest.approx(0.825)
    assert 'training longer' in str(limit)
    # of a step that is skipped
    limit.read({'net0/label_limit': float('nan')})
    assert limit.ratio == pytest.approx(0.825)
    resumed = LabelLimit(window=2)
    resumed.load_state(limit.state())
    for one in (limit, resumed):
        one.read({'net0/label_limit': 4., 'net0/consistency': 9.})
        assert one.ratio == pytest.approx((0.15 + 4) / 2)
        assert 'labels are the limit' in str(one)


def test_labeled_peaks_count_known_joints_only():
    model = build_model(peers=[])
    inputs, samples = build_batch(batch_size=1)
    weights = samples['labeled'][0].gt_instance_labels.keypoint_weights
    weights[:] = 0
    weights[0, 2] = 1
    model.loss(inputs['labeled'], samples['labeled'])
    stats = teaching_statistics(model.last_step)
    torch.testing.assert_close(stats['net0/peak_labeled'],
                               model.last_step.labeled[0][0, 2].max())


def test_each_of_several_views_is_told():
    model = build_model(
        **dict(DUAL, views=DUAL['views'] * 2), unsup_weight=0.5)
    losses = model.loss(*build_batch())
    stats = teaching_statistics(model.last_step)
    assert stats['unsup_weight'] == 0.5
    torch.testing.assert_close(stats['net1/view0'] + stats['net1/view1'],
                               stats['net1/consistency'])
    torch.testing.assert_close(0.5 * stats['net1/consistency'],
                               losses['net1/loss_unsup'].detach())


def readings(alarm, *pairs, what='net0/peak_unlabeled'):
    return [
        alarm.read({
            'net0/peak_labeled': labeled,
            what: unlabeled
        }) for labeled, unlabeled in pairs
    ]


def test_alarm_rings_once_after_patience_until_it_recovers():
    low = [(0.6, 0.1)] * 3
    out = readings(CollapseAlarm(), (0.5, 0.4), *low, *low, (0.5, 0.4), *low)
    rings = [i for i, troubles in enumerate(out) if troubles]
    assert rings == [3, 10]
    assert 'net0 collapses: its mean peak is 0.100' in out[3][0]


@pytest.mark.parametrize('what', ['net0/peak_hard', 'ema0/peak_unlabeled'])
def test_students_and_teachers_of_any_kind_are_heard(what):
    """A network that is only taught, and one that is not trained."""
    out = readings(CollapseAlarm(), *[(0.9, 0.01)] * 3, what=what)
    assert out[-1][0].startswith(what.partition('/')[0])


def test_all_that_collapse_are_counted_together():
    alarm = CollapseAlarm(patience=2)
    stats = {
        f'net{i}/{name}': value
        for i in (0, 1)
        for name, value in dict(peak_labeled=0.9, peak_hard=0.01).items()
    }
    assert alarm.read(stats) == []
    assert len(alarm.read(stats)) == 2


def test_alarm_is_silent_at_the_start_and_after_recovery():
    start = [(0.02, 0.001)] * 5
    recovery = [(0.5, 0.01), (0.5, 0.01), (0.5, 0.3), (0.5, 0.01)]
    assert not any(readings(CollapseAlarm(), *start, *recovery))


def test_alarm_stays_armed_when_labeled_peaks_fall_too():
    out = readings(CollapseAlarm(), (0.5, 0.4), *[(0.1, 0.001)] * 3)
    assert out[-1]


def test_burn_in_arms_the_alarm():
    alarm = CollapseAlarm(patience=1)
    assert alarm.read({'net0/peak_labeled': 0.5}) == []
    assert readings(alarm, (0.1, 0.01))[0]
