# Copyright (c) semipose_mm authors.
"""Joint cutout, corrected and as released."""
import pytest
import torch

from semipose_mm.models import JointCutout, LegacyJointCutout
from semipose_mm.models.hard_views.boxes import at_joints
from semipose_mm.models.hard_views.joint_cutout import CutoutDraws
from semipose_mm.structures import Draws


def cut(op, peaks, size=(192, 256), seed=0):
    """Mask of blanked pixels (U, H, W) for peaks (U, K, 2)."""
    generator = torch.Generator().manual_seed(seed)
    uniforms = torch.rand(len(peaks), 64, generator=generator) * 0.998 + 0.001
    images = torch.ones(len(peaks), 3, size[1], size[0])
    out = op(images, peaks, Draws(uniforms))
    assert images.min() == 1, 'the input must not be changed'
    assert (out == out[:, :1]).all()
    return out[:, 0] == 0


def test_boxes_lie_on_the_joints():
    peaks = torch.tensor([[100., 120.]]).repeat(64, 1, 1)
    mask = cut(JointCutout(num=1, jitter=0.), peaks)
    ys, xs = mask.float().mean((0, 2)), mask.float().mean((0, 1))
    assert mask[:, 120, 100].all()
    assert mask[:, 110:130, 90:110].all(), 'the half size is 10 at least'
    assert ys[120 + 19:].max() == 0 and xs[100 + 19:].max() == 0
    areas = mask.flatten(1).sum(1)
    assert 20 * 20 <= areas.min() < areas.max() <= 38 * 38


def test_the_bottom_of_a_portrait_crop_is_cut_only_when_corrected():
    peaks = torch.tensor([[90., 240.]]).repeat(32, 1, 1)
    assert cut(JointCutout(num=1), peaks)[:, 192:].any()
    assert not cut(LegacyJointCutout(num=1), peaks)[:, 192:].any()


def test_five_draws_among_many_joints_cut_no_more_than_five_boxes():
    torch.manual_seed(0)
    peaks = torch.rand(50, 17, 2) * torch.tensor([192., 256.])
    share = cut(JointCutout(), peaks).float().mean((1, 2))
    assert 0 < share.min() and share.max() <= 5 * 38 * 38 / (192 * 256)


def test_a_joint_that_is_drawn_twice_is_cut_once():
    op = JointCutout(num=5)
    peaks = torch.full((40, 1, 2), 96.)
    masks = cut(op, peaks)
    for mask in masks:  # one box only: rows and columns form a rectangle
        assert mask.sum() == mask.any(0).sum() * mask.any(1).sum()


def test_draws_outside_the_network_cut_somewhere():
    peaks = torch.zeros(400, 17, 2)
    op = LegacyJointCutout(num=1, num_candidates=24, jitter=0.)
    mask = cut(op, peaks)
    away = (~mask[:, 0, 0]).float().mean()
    assert abs(away - 7 / 24) < 0.08


def test_bad_parameters_name_the_key():
    for kwargs, key in [(dict(num=0), 'num'),
                        (dict(half_size=(5, 2)), 'half_size'),
                        (dict(jitter=-1.), 'jitter')]:
        with pytest.raises(ValueError, match=rf'ops\[\].{key}'):
            JointCutout(**kwargs)
    with pytest.raises(ValueError, match='num_candidates'):
        LegacyJointCutout(num_candidates=0)


def test_repr_names_every_parameter():
    assert repr(JointCutout()) == (
        'JointCutout(num=5, half_size=(10, 19), jitter=10.0)')
    assert repr(LegacyJointCutout(num_candidates=24)) == (
        'LegacyJointCutout(num=5, half_size=(10, 19), jitter=10.0, '
        'num_candidates=24)')


def test_golden_mask(golden):
    values = {
        key: torch.tensor(value)
        for key, value in golden('joint_cutout_legacy').items()
    }
    joints = values['joint_index']
    drawn = CutoutDraws(joints, at_joints(values['jitter_px'], joints),
                        at_joints(values['half_size_px'], joints),
                        torch.zeros(*joints.shape, 2))
    kept = LegacyJointCutout().apply(
        torch.ones(len(joints), 3, 256, 192),
        values['peaks_heatmap_px'] * values['stride'], drawn)
    assert torch.equal(kept[:, 0], values['kept_mask'].float())
