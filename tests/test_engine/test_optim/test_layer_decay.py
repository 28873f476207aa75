# Copyright (c) semipose_mm authors.
"""Layer-wise learning rates of several networks."""
import copy

import pytest
import torch
import toys
import vit_toys
from mmpose.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from semipose_mm.engine.teaching_start import check_layer_decay
from semipose_mm.models.teaching.followers import Follower


class Net(nn.Module):
    """What the constructor knows of a ViT: names of its layers."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.patch_embed = nn.Linear(2, 2)
        self.backbone.layers = nn.ModuleList(nn.Linear(2, 2) for _ in 'abc')
        self.head = nn.Linear(2, 2)


class Estimator(Net):
    """Network 0 and a peer."""

    def __init__(self):
        super().__init__()
        self.peers = nn.ModuleDict({'1': Net()})

    @property
    def networks(self):
        return [self, self.peers['1']]


def build(name, model):
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(
            type=name,
            optim_wrapper_cfg=dict(
                type='OptimWrapper',
                optimizer=dict(type='AdamW', lr=1., weight_decay=0.1)),
            paramwise_cfg=dict(num_layers=3, layer_decay_rate=0.5)))
    return constructor(model)


def rates(wrapper, model):
    """Learning rate and weight decay of each parameter."""
    names = {id(p): name for name, p in model.named_parameters()}
    return {
        names[id(p)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }


def test_every_network_is_decayed_as_if_alone():
    alone, model = Net(), Estimator()
    expected = rates(build('LayerDecayOptimWrapperConstructor', alone), alone)
    found = rates(
        build('NetworkLayerDecayOptimWrapperConstructor', model), model)
    assert len({lr for lr, _ in expected.values()}) == 5
    assert found == {
        **expected,
        **{
            f'peers.1.{name}': value
            for name, value in expected.items()
        }
    }


def test_a_model_of_one_network_is_decayed_as_in_stock():
    model = Net()
    one = build('LayerDecayOptimWrapperConstructor', model)
    two = build('NetworkLayerDecayOptimWrapperConstructor', model)
    assert rates(one, model) == rates(two, model)


def test_the_stock_constructor_is_refused_where_it_misses_the_peers():
    model = Estimator()
    check_layer_decay(build('NetworkLayerDecayOptimWrapperConstructor', model))
    check_layer_decay(torch.optim.SGD(model.parameters(), 1.))
    with pytest.raises(ValueError, match='optim_wrapper.constructor'):
        check_layer_decay(build('LayerDecayOptimWrapperConstructor', model))


def test_vitpose_and_its_peer():
    """A small one of mmpretrain's, with the layers' names of a real one."""
    pytest.importorskip('mmpretrain.models')
    model = MODELS.build(
        copy.deepcopy(
            dict(vit_toys.BASE, type='SemiPoseEstimator', **toys.DUAL)))
    wrapper = build('NetworkLayerDecayOptimWrapperConstructor', model)
    found = rates(wrapper, model)
    own = {k: v for k, v in found.items() if not k.startswith('peers.')}
    assert found == {**own, **{f'peers.1.{k}': v for k, v in own.items()}}
    assert own['backbone.patch_embed.projection.weight'][0] == 0.5**4
    assert own['backbone.layers.2.attn.qkv.weight'][0] == 0.5
    assert own['head.final_layer.weight'][0] == 1
    before = {k: v.clone() for k, v in model.state_dict().items()}
    losses = model.loss(*toys.build_batch())
    assert min(losses.values()) > 0
    wrapper.update_params(sum(losses.values()))
    for number in ('', 'peers.1.'):
        key = f'{number}backbone.layers.0.attn.qkv.weight'
        assert not torch.equal(before[key], model.state_dict()[key])


def test_teachers_of_vitpose_are_not_trained():
    """They have no batch norm, whose counters would be copied."""
    pytest.importorskip('mmpretrain.models')
    cfg = dict(vit_toys.BASE, type='SemiPoseEstimator', **toys.DUAL)
    taught = dict(
        cfg, teachers=dict(ema1=dict(type='EMATeacher', of=1, momentum=0.5)))
    plain, model = (MODELS.build(copy.deepcopy(c)) for c in (cfg, taught))
    name = 'NetworkLayerDecayOptimWrapperConstructor'
    assert rates(build(name, model), model) == rates(build(name, plain), plain)
    teacher = model.network('ema1')
    follower = Follower(teacher, model.networks[1])
    follower.copy()
    follower.average(0.5)
    assert teacher.state_dict().keys() == model.networks[1].state_dict().keys()
    for key, value in model.networks[1].state_dict().items():
        assert torch.equal(value, teacher.state_dict()[key]), key
