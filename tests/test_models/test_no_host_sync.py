# Copyright (c) semipose_mm authors.
"""A training step never waits for the device, nor sends it python numbers."""
import copy

import pytest
import simcc_toys
import torch
import toys
from no_host import NoHost

LEGACY = dict(
    views=[
        dict(
            source='easy',
            ops=[dict(type='LegacyJointCutout', num=2, num_candidates=24)])
    ],
    warp=dict(type='LegacyHardAffine'))

EVERYTHING = dict(
    teachers=dict(
        ema1=dict(type='EMATeacher', of=1, momentum=0.9),
        snap0=dict(type='SnapshotTeacher', of=0, every=2, norm='train')),
    teacher_pass=dict(type='MultiViewPass', of=dict(type='FlippedPass')),
    routes=[
        dict(
            student=0,
            teachers=[1, 'ema1', 'snap0'],
            target=dict(type='RenderedTarget', of=dict(type='BestPairTarget')),
            select=dict(
                type='ProductSelection',
                of=[
                    dict(type='ScoreSelection', thr=0.1),
                    dict(type='AgreementSelection'),
                    dict(type='QuantileSelection'),
                    dict(type='SmallLossSelection', keep=0.8)
                ])),
        dict(student=1, teachers=[0])
    ],
    views=[
        dict(
            source='easy',
            ops=[
                dict(type='JointCutOcclude'),
                dict(type='Cutout'),
                dict(type='CutMix'),
                dict(type='MixUp'),
                dict(type='JointCutout'),
                dict(type='BlockShuffle', grid=(1, 2))
            ])
    ],
    labeled_views=[dict(ops=[dict(type='JointCutout')], warp=True)],
    foreground_weight=5.)


def with_labeled_uniforms(batch):
    """The batch of toys, with what labeled views draw from."""
    inputs, samples = batch
    return dict(inputs, labeled_uniforms=inputs['uniforms'].flip(0)), samples


def models():
    """Estimators with all kinds of heads, operations and warps."""
    return dict(
        heatmap=(toys.build_model(**toys.DUAL), toys.build_batch()),
        legacy=(toys.build_model(**dict(toys.DUAL, **LEGACY)),
                toys.build_batch()),
        everything=(toys.build_model(**dict(toys.DUAL, **EVERYTHING)),
                    with_labeled_uniforms(toys.build_batch(num_uniforms=512))),
        rtmpose=(simcc_toys.build_model('RTMCCHead', **toys.DUAL),
                 simcc_toys.build_batch()),
        simcc=(simcc_toys.build_model('SimCCHead',
                                      **toys.DUAL), simcc_toys.build_batch()))


@pytest.mark.parametrize('name', models())
def test_loss_and_backward_stay_on_the_device(name):
    model, batch = models()[name]
    # the first step checks the batch, and builds what later ones find
    model(*batch, mode='loss')
    with NoHost():
        losses = model(*batch, mode='loss')
        sum(losses.values()).backward()
    assert len(losses) == 4


def test_the_mode_sees_what_it_refuses():
    for wrong in (lambda x: x.sum().item(), lambda x: x[x > 0],
                  lambda x: x * x.new_tensor([1., 2.]), bool):
        with pytest.raises(AssertionError, match='waits'), NoHost():
            wrong(torch.ones(1))


@pytest.mark.parametrize('name', models())
def test_devices_agree(name, device):
    """Losses and gradients, but for rounding."""
    found = []
    for where in ('cpu', device):
        model, batch = models()[name]
        model = model.to(where)
        losses = model(*toys.to_device(batch, where), mode='loss')
        sum(losses.values()).backward()
        found.append([*losses.values(), *(p.grad for p in model.parameters())])
    for expected, value in zip(*found):
        error = (value.cpu() - expected).norm()
        assert error <= 1e-3 * expected.norm() + 1e-6


@pytest.mark.gpu
@pytest.mark.parametrize('name', models())
def test_cuda_is_not_synchronized(name):
    model, batch = models()[name]
    model = model.cuda()
    inputs, samples = toys.to_device(batch, 'cuda')
    # the first step builds what later ones find
    sum(model(inputs, samples, mode='loss').values()).backward()
    torch.cuda.set_sync_debug_mode('error')
    try:
        losses = model(copy.copy(inputs), samples, mode='loss')
        sum(losses.values()).backward()
    finally:
        torch.cuda.set_sync_debug_mode('default')
