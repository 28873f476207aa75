# Copyright (c) semipose_mm authors.
"""What networks take from checkpoints."""
import copy
import logging

import pytest
import torch
from mmengine.runner import load_checkpoint
from mmpose.registry import MODELS
from toys import BASE, DUAL, build_model

from semipose_mm.models.loading_report import describe_loading
from semipose_mm.models.networks import own_state


def stock_model(**head):
    cfg = copy.deepcopy(dict(BASE, type='TopdownPoseEstimator'))
    cfg['head'].update(head)
    return MODELS.build(cfg)


@pytest.fixture
def lines(monkeypatch):
    """What is logged while loading."""
    found = []
    monkeypatch.setattr('semipose_mm.models.peer_estimator.print_log',
                        lambda text, *args, **kwargs: found.append(text))
    return found


def test_a_plain_checkpoint_goes_to_every_network(lines):
    model, stock = build_model(**DUAL), stock_model()
    model.load_state_dict(stock.state_dict())
    for net in model.networks:
        own = own_state(net)
        assert all(
            torch.equal(own[k], v) for k, v in stock.state_dict().items())
    total = len(stock.state_dict())
    assert lines == [
        f'Checkpoint: network 0 takes {total} of its {total} entries',
        f'Checkpoint: network 1 takes {total} of its {total} entries, the '
        'same as network 0'
    ]


def test_other_joints_keep_their_final_layer(lines, tmp_path):
    """As with a COCO checkpoint for another set of joints."""
    stock = stock_model(out_channels=17)
    torch.save(dict(state_dict=stock.state_dict()), tmp_path / 'zoo.pth')
    model = build_model(**DUAL)
    before = [net.head.final_layer.weight.clone() for net in model.networks]
    load_checkpoint(model, str(tmp_path / 'zoo.pth'), map_location='cpu')
    for net, weight in zip(model.networks, before):
        assert torch.equal(net.head.final_layer.weight, weight)
        assert torch.equal(net.backbone.conv1.weight,
                           stock.backbone.conv1.weight)
    assert 'keeps its own head.final_layer.weight (5, 16, 1, 1)' in lines[0]
    # what does not fit is not copied either
    assert 'keeps its own head.final_layer.weight' in lines[1]


def test_init_cfg_reaches_every_network(tmp_path):
    stock = stock_model()
    torch.save(dict(state_dict=stock.state_dict()), tmp_path / 'zoo.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'zoo.pth'))
    model = MODELS.build(
        copy.deepcopy(
            dict(BASE, type='SemiPoseEstimator', init_cfg=init, **DUAL)))
    logging.disable(logging.CRITICAL)
    model.init_weights()
    logging.disable(logging.NOTSET)
    for net in model.networks:
        assert torch.equal(net.head.final_layer.weight,
                           stock.head.final_layer.weight)


def test_a_peers_own_init_cfg_comes_last(tmp_path):
    """Two trainings to start from, one for each network."""
    inits = []
    for name in 'ab':
        stock = stock_model()
        torch.save(dict(state_dict=stock.state_dict()), tmp_path / name)
        inits.append((dict(type='Pretrained',
                           checkpoint=str(tmp_path / name)), stock))
    (init, first), (peer_init, second) = inits
    cfg = dict(BASE, type='SemiPoseEstimator', init_cfg=init, **DUAL)
    cfg['peers'] = [dict(init_cfg=peer_init)]
    model = MODELS.build(copy.deepcopy(cfg))
    logging.disable(logging.CRITICAL)
    model.init_weights()
    logging.disable(logging.NOTSET)
    for net, stock in zip(model.networks, (first, second)):
        assert torch.equal(net.backbone.conv1.weight,
                           stock.backbone.conv1.weight)


def test_old_heads_are_converted_in_every_network():
    """Before MMPose 1.0 the final layer held the layers before it."""
    head = dict(BASE['head'], conv_out_channels=(8, ), conv_kernel_sizes=(1, ))
    stock = stock_model(**head)
    old = {}
    for key, value in stock.state_dict().items():
        key = key.replace('head.conv_layers.', 'head.final_layer.')
        if key in ('head.final_layer.weight', 'head.final_layer.bias'):
            key = key.replace('final_layer.', 'final_layer.3.')
        old[key.replace('head.', 'keypoint_head.')] = value
    model = build_model(**dict(DUAL, head=head))
    result = model.load_state_dict(old, strict=False)
    assert not result.missing_keys and not result.unexpected_keys
    for net in model.networks:
        assert torch.equal(net.head.final_layer.weight,
                           stock.head.final_layer.weight)
        assert torch.equal(net.head.conv_layers[0].weight,
                           stock.head.conv_layers[0].weight)


def test_a_whole_checkpoint_needs_no_words(lines):
    model = build_model(**DUAL)
    model.load_state_dict(model.state_dict())
    assert not lines


def test_long_lists_are_cut():
    model = build_model(**DUAL)
    (text, level), _ = describe_loading({}, '', model.networks, 0)
    assert text.count(',') < 6 and 'more. Is it' in text
    assert level == logging.WARNING
