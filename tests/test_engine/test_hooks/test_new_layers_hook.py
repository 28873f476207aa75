# Copyright (c) semipose_mm authors.
"""Tests of layers that a new training does not take from a checkpoint."""
import logging
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from semipose_mm.engine import NewLayersHook
from semipose_mm.errors import RunError


class Networks(nn.Module):
    """Two networks with layers of one name."""

    def __init__(self):
        super().__init__()
        self.networks = [
            nn.ModuleDict(
                dict(
                    head=nn.ModuleDict(
                        dict(final=nn.Linear(2, 2), other=nn.Linear(2, 2)))))
            for _ in range(2)
        ]


@pytest.mark.parametrize('resume', [False, True])
def test_layers_of_a_new_training(resume):
    model = Networks()
    runner = SimpleNamespace(
        model=model,
        _resume=resume,
        _load_from='a.pth',
        logger=logging.getLogger('test'))
    before = [net.head.final.weight.clone() for net in model.networks]
    hook = NewLayersHook(['head.final'])
    hook.after_load_checkpoint(runner, {})
    for net in model.networks:
        for param in net.parameters():
            nn.init.constant_(param, 7)
    hook.before_train(runner)
    for net, kept in zip(model.networks, before):
        loaded = torch.full((2, 2), 7.)
        assert torch.equal(net.head.final.weight, loaded if resume else kept)
        assert torch.equal(net.head.other.weight, loaded)


def test_a_layer_that_is_not_there():
    runner = SimpleNamespace(model=Networks(), _resume=False)
    with pytest.raises(RunError, match="NewLayersHook.layers has 'head.a'"):
        NewLayersHook(['head.a']).after_load_checkpoint(runner, {})
