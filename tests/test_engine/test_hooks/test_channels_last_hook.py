# Copyright (c) semipose_mm authors.
"""Tests of the channels-last layout."""
import torch
from mmengine.runner import Runner
from people_toys import own_config


def final_state(people_root, work_dir, hooks):
    cfg = own_config(people_root, work_dir)
    cfg.custom_hooks += hooks
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.model.state_dict()


def test_same_training_in_another_layout(people_root, tmp_path):
    stock = final_state(people_root, tmp_path / 'stock', [])
    last = final_state(people_root, tmp_path / 'last',
                       [dict(type='ChannelsLastHook')])
    name = 'backbone.layer1.0.conv1.weight'
    assert stock[name].is_contiguous()
    assert not last[name].is_contiguous()
    assert last[name].is_contiguous(memory_format=torch.channels_last)
    for key, value in stock.items():
        assert torch.allclose(value, last[key], rtol=1e-3, atol=2e-3), key
