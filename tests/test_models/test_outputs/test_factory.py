# Copyright (c) semipose_mm authors.
"""Which heads and losses can be trained, and which cannot and why."""
import copy

import pytest
import simcc_toys
import torch
import toys
from mmpose.models.heads import HeatmapHead, RTMCCHead
from mmpose.models.losses import KeypointMSELoss, KLDiscretLoss
from mmpose.registry import MODELS

from semipose_mm.models.outputs import build_output


@MODELS.register_module(name='_DoubledMSELoss', force=True)
class DoubledMSELoss(KeypointMSELoss):
    """A loss of its own."""

    def forward(self, *args, **kwargs):
        return 2 * super().forward(*args, **kwargs)


@MODELS.register_module(name='_DoubledKLLoss', force=True)
class DoubledKLLoss(KLDiscretLoss):
    """A loss of its own."""

    def forward(self, *args, **kwargs):
        return 2 * super().forward(*args, **kwargs)


class OwnLoss:
    """Computes the loss in a way of its own."""

    def loss(self, feats, batch_data_samples, train_cfg={}):
        losses = super().loss(feats, batch_data_samples, train_cfg)
        return dict(losses, loss_more=losses['loss_kpt'])


@MODELS.register_module(name='_OwnLossHead', force=True)
class OwnLossHead(OwnLoss, HeatmapHead):
    """With heatmaps."""


@MODELS.register_module(name='_OwnLossRTMCCHead', force=True)
class OwnLossRTMCCHead(OwnLoss, RTMCCHead):
    """With vectors."""


def build(toy, base, **head):
    cfg = copy.deepcopy(dict(base, type='SemiPoseEstimator'))
    cfg['head'].update(head)
    torch.manual_seed(0)
    return MODELS.build(cfg)


@pytest.mark.parametrize('toy, base, loss', [
    (toys, toys.BASE, '_DoubledMSELoss'),
    (simcc_toys, simcc_toys.BASE['RTMCCHead'], '_DoubledKLLoss'),
    (simcc_toys, simcc_toys.BASE['SimCCHead'], '_DoubledKLLoss'),
])
def test_a_subclass_of_the_loss_is_asked_itself(toy, base, loss):
    inputs, samples = toy.build_batch()
    losses = []
    for kind in (base['head']['loss']['type'], loss):
        model = build(toy, base, loss=dict(base['head']['loss'], type=kind))
        losses.append(
            model.loss(inputs['labeled'], samples['labeled'])['net0/loss_sup'])
    torch.testing.assert_close(losses[1], 2 * losses[0])


@pytest.mark.parametrize('toy, base, head', [
    (toys, toys.BASE, '_OwnLossHead'),
    (simcc_toys, simcc_toys.BASE['RTMCCHead'], '_OwnLossRTMCCHead'),
])
def test_a_head_whose_loss_would_be_bypassed_is_refused(toy, base, head):
    with pytest.raises(
            TypeError, match='model.head.type is OwnLoss.*bypass.*subclass'):
        build(toy, base, type=head)


def test_tags_are_refused():
    """AssociativeEmbeddingHead is a HeatmapHead with another loss."""
    head = dict(
        type='AssociativeEmbeddingHead',
        in_channels=64,
        num_keypoints=toys.NUM_JOINTS,
        decoder=toys.CODEC)
    with pytest.raises(TypeError, match='AssociativeEmbeddingHead.*bypass'):
        MODELS.build(dict(toys.BASE, type='SemiPoseEstimator', head=head))


def test_vipnas_is_accepted():
    """Its loss is HeatmapHead's."""
    model = build(
        toys, toys.BASE, type='ViPNASHead', deconv_num_groups=(1, ) * 3)
    inputs, samples = toys.build_batch()
    assert model.loss(inputs['labeled'], samples['labeled'])


def test_foreground_weight_goes_to_the_output():
    assert build_output([toys.build_model()],
                        foreground_weight=5.).foreground_weight == 5


def test_vectors_have_no_foreground():
    model = simcc_toys.build_model('RTMCCHead')
    with pytest.raises(
            TypeError, match='model.foreground_weight is 2.0.*background'):
        build_output([model], foreground_weight=2.)
