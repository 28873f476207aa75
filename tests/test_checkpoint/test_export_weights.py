# Copyright (c) semipose_mm authors.
"""Tests of taking one network's weights out of a checkpoint."""
from collections import OrderedDict

import pytest
import torch
from mmpose.registry import MODELS
from toys import BASE, DUAL, build_model

from semipose_mm.checkpoint.export.weights import (ExportError,
                                                   average_weights,
                                                   network_numbers,
                                                   network_weights)


def build_stock():
    cfg = {k: v for k, v in BASE.items() if k != 'data_preprocessor'}
    return MODELS.build(dict(cfg, type='TopdownPoseEstimator'))


@pytest.mark.parametrize('number', [0, 1, 2])
def test_one_network(number):
    model = build_model(**dict(DUAL, peers=[dict(), dict()]))
    state = model.state_dict()
    assert network_numbers(state) == [0, 1, 2]
    part = network_weights(state, number)
    stock = build_stock()
    # version numbers of modules decide how old weights are read
    assert dict(part._metadata) == dict(stock.state_dict()._metadata)
    stock.load_state_dict(part, strict=True)
    net = model.networks[number]
    for key, value in stock.state_dict().items():
        assert torch.equal(value, net.state_dict()[key]), key


def test_no_such_network():
    with pytest.raises(ExportError, match='--network is 2, but .* 0, 1'):
        network_weights({'a': 0, 'peers.1.a': 0}, 2)


def test_average():
    first = OrderedDict(
        weight=torch.tensor([1., 3.]),
        half=torch.tensor([1.], dtype=torch.float16),
        count=torch.tensor(7))
    second = OrderedDict(
        weight=torch.tensor([2., 5.]),
        half=torch.tensor([2.], dtype=torch.float16),
        count=torch.tensor(9))
    mean = average_weights([first, second])
    assert mean['weight'].tolist() == [1.5, 4]
    assert mean['half'].dtype == torch.float16 and mean['half'] == 1.5
    assert mean['count'] == 7
    assert first['weight'].tolist() == [1, 3]
    # not a mean of means
    third = dict(first, weight=torch.tensor([6., 1.]))
    assert average_weights([first, second, third])['weight'].tolist() == [3, 3]


def test_average_of_two_equal_networks_is_exact():
    state = network_weights(build_model(**DUAL).state_dict(), 0)
    for key, value in average_weights([state, state]).items():
        assert torch.equal(value, state[key])


@pytest.mark.parametrize('others, message', [
    ([], 'needs several networks'),
    ([dict(a=torch.ones(2), b=torch.ones(3))
      ], r'b is \(2,\) in network 0 and \(3,\) in network 1'),
    ([dict(a=torch.ones(2))], r'b is \(2,\) in network 0 and missing'),
    ([dict(a=torch.ones(2), b=torch.ones(2), c=torch.ones(1))
      ], r'c is missing in network 0 and \(1,\) in network 1'),
])
def test_networks_that_have_no_average(others, message):
    first = dict(a=torch.ones(2), b=torch.ones(2))
    with pytest.raises(ExportError, match=message):
        average_weights([first, *others])
