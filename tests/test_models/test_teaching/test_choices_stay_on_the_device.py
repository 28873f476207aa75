# Copyright (c) semipose_mm authors.
"""Targets, selections and teacher passes wait for no device either."""
import pytest
import simcc_toys
import torch
import toys
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from no_host import NoHost
from output_toys import KINDS, build, parts, random_output

from semipose_mm.models import HardAffine
from semipose_mm.structures import Draws, count_draws

TARGETS = [
    dict(type='MeanTarget'),
    dict(type='MaximumTarget'),
    dict(type='BestPairTarget'),
    dict(type='HeightNormalizedTarget'),
    dict(type='RenderedTarget'),
]
SELECTIONS = [
    dict(type='ScoreSelection', power=2.),
    dict(type='QuantileSelection'),
    dict(type='AgreementSelection', soft=True),
    dict(type='ScoreDifferenceSelection'),
    dict(type='SmallLossSelection'),
]
SELECTIONS += [
    dict(type='ProductSelection', of=SELECTIONS[:]),
    dict(type='EitherSelection', of=SELECTIONS[:4]),
]
PASSES = [
    dict(type='PlainPass'),
    dict(type='FlippedPass'),
    dict(type='MultiViewPass', of=dict(type='FlippedPass')),
]


def cases(cfgs):
    """Each entry with each kind of output that it can have."""
    heatmaps = ('HeightNormalizedTarget', 'MultiViewPass')
    return [(cfg, kind) for cfg in cfgs for kind in KINDS
            if kind == 'heatmaps' or cfg['type'] not in heatmaps]


@pytest.fixture(params=[None, torch.bfloat16])
def autocast(request):
    """Without and with mixed precision."""
    with torch.autocast('cpu', request.param, enabled=bool(request.param)):
        yield


def assert_float(*outputs):
    assert all(part.dtype == torch.float32 and not part.requires_grad
               for output in outputs for part in parts(output))


@pytest.mark.parametrize('cfg, kind', cases(TARGETS))
def test_targets(cfg, kind, autocast):
    target, output = MODELS.build(cfg), build(kind)
    outputs = [random_output(kind, seed) for seed in range(3)]
    warp = HardAffine()(Draws(torch.rand(3, 3)), output.codec)
    with NoHost():
        made = target.make(output, target.combine(output, outputs), warp)
    assert_float(*made)


@pytest.mark.parametrize('cfg, kind', cases(SELECTIONS))
def test_selections(cfg, kind, autocast):
    selection, output = MODELS.build(cfg), build(kind)
    selection.prepare(5)
    outputs = [random_output(kind, seed) for seed in range(3)]
    for _ in range(2):
        with NoHost():
            weights = selection(output, outputs, outputs[0], 0.5)
            weights = weights * selection.refine(torch.rand(3, 5), 0.5)
        assert_float(weights)
        assert weights.shape == (3, 5)


@pytest.mark.parametrize('cfg, kind', cases(PASSES))
def test_passes(cfg, kind, autocast):
    passes, output = MODELS.build(cfg), build(kind)
    samples = [PoseDataSample(metainfo=dict(flip_indices=toys.FLIP_INDICES))]
    images = torch.randn(3, 3, 96, 64)

    def draw(draws):
        return passes.draw(draws, output.codec)

    uniforms = torch.rand(3, count_draws(draw))

    def run(batch):
        return output.apply(torch.Tensor.bfloat16, random_output(kind, 0))

    passes(run, output, images, samples, draw(Draws(uniforms)))  # constants
    with NoHost():
        found = passes(run, output, images, samples, draw(Draws(uniforms)))
    assert_float(*found)


@pytest.mark.parametrize('kind', KINDS)
def test_losses_of_joints(kind, autocast):
    output, head = build(kind), build_head(kind)
    target, weights = output.render_target(random_output(kind, 0), None)
    with NoHost():
        losses = output.joint_losses(head, random_output(kind, 1), target,
                                     weights)
    assert_float(losses)


def build_head(kind):
    if kind == 'heatmaps':
        return toys.build_model().head
    return simcc_toys.build_model('RTMCCHead').head
