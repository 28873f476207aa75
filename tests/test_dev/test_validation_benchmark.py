# Copyright (c) semipose_mm authors.
"""dev/benchmarks/validation.py on tiny input."""
import json
from importlib import import_module

import pytest
import toys
from mmengine.config import Config
from toy_tools import run_script


@pytest.mark.parametrize('flip, amp', [('on', []), ('off', ['--amp'])])
def test_script_runs(tmp_path, monkeypatch, capsys, flip, amp):
    config, out = tmp_path / 'config.py', tmp_path / 'out.json'
    model = dict(toys.BASE, type='SemiPoseEstimator', peers=[dict()])
    Config(dict(model=model)).dump(config)
    tool = import_module('validation')
    run_script(
        tool,
        config,
        *('--batch', 2, '--turns', 1, '--persons', 20, '--flip', flip),
        *('--out', out, *amp),
        monkeypatch=monkeypatch)
    content = json.loads(out.read_text())
    results = content['results']
    assert f'flip test {flip}' in capsys.readouterr().out
    assert results['times_the_forward_passes']['forward passes'] == [1, 1, 1]
    parts = results['milliseconds']
    assert all(low <= median <= high for median, low, high in parts.values())
    assert 0 < parts['of it decoding'][0] < parts['predict_networks'][0]
    assert results['seconds_of_evaluation']['CocoMetric'][0] > 0
