# Copyright (c) semipose_mm authors.
"""Tests of networks as ONNX files."""
import json

import numpy as np
import pytest
import simcc_toys
import torch
import vit_toys
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import nn
from toys import BASE, CODEC

from semipose_mm.checkpoint.export import onnx_file as export_onnx
from semipose_mm.checkpoint.export.config import network_config
from semipose_mm.checkpoint.export.weights import ExportError

ort = pytest.importorskip(
    'onnxruntime', reason='pip install -r '
    'requirements/onnx.txt')

BASES = dict(simcc_toys.BASE, HeatmapHead=BASE, ViTPose=vit_toys.BASE)


def build(head, seed=0):
    """A stock estimator with weights that give large outputs."""
    if head == 'ViTPose':
        pytest.importorskip('mmpretrain.models')
    model = network_config(Config(BASES[head]), 0)
    torch.manual_seed(seed)
    net = MODELS.build(model).eval()
    for param in net.parameters():
        if param.dim() > 1:
            nn.init.kaiming_normal_(param)
    codec = model['head']['decoder']
    return net, Config(dict(model=model, codec=codec))


@pytest.mark.parametrize('head, names, shapes', [
    ('HeatmapHead', ['heatmaps'], [(5, 24, 16)]),
    ('ViTPose', ['heatmaps'], [(5, 24, 16)]),
    ('RTMWHead', ['simcc_x', 'simcc_y'], [(5, 128), (5, 192)]),
    ('RTMCCHead', ['simcc_x', 'simcc_y'], [(5, 128), (5, 192)]),
    ('SimCCHead', ['simcc_x', 'simcc_y'], [(5, 128), (5, 192)]),
])
def test_same_outputs_for_any_batch(head, names, shapes):
    net, plain = build(head)
    data = export_onnx.to_onnx(net, plain, ['nose'])
    assert export_onnx.check_onnx(data, net, plain) < 1e-4
    session = ort.InferenceSession(data, providers=['CPUExecutionProvider'])
    assert [o.name for o in session.get_outputs()] == names
    for size in (1, 3, 5):
        images = np.random.default_rng(size).standard_normal(
            (size, 3, 96, 64)).astype(np.float32)
        found = session.run(None, dict(images=images))
        with torch.no_grad():
            expected = net.head(net.extract_feat(torch.from_numpy(images)))
        expected = [expected] if len(names) == 1 else expected
        for one, other, shape in zip(found, expected, shapes):
            assert one.shape == (size, *shape) and np.ptp(one) > 0.1
            np.testing.assert_allclose(one, other.numpy(), atol=1e-4)


def test_what_the_file_tells():
    net, plain = build('HeatmapHead')
    data = export_onnx.to_onnx(net, plain, ['nose', 'left_eye'])
    session = ort.InferenceSession(data, providers=['CPUExecutionProvider'])
    props = session.get_modelmeta().custom_metadata_map
    props = {key: json.loads(value) for key, value in props.items()}
    assert props['joints'] == ['nose', 'left_eye']
    assert props['mean'] == BASE['data_preprocessor']['mean']
    assert props['bgr_to_rgb'] is True
    assert props['codec']['input_size'] == list(CODEC['input_size'])


def test_another_network_is_noticed():
    net, plain = build('HeatmapHead')
    other, _ = build('HeatmapHead', seed=1)
    data = export_onnx.to_onnx(other, plain, [])
    with pytest.raises(
            ExportError, match='ONNX outputs for 1 images .*differ'):
        export_onnx.check_onnx(data, net, plain)


class _TwoImages(nn.Module):
    """Works for batches of two alone, once it is traced."""

    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, feats):
        maps = self.head(feats)
        return maps.reshape(len(maps), -1).reshape(2, 5, 24, 16) \
            if len(maps) == 2 else maps


def test_a_constant_batch_is_noticed():
    net, plain = build('HeatmapHead')
    net.head = _TwoImages(net.head)
    data = export_onnx.to_onnx(net, plain, [])
    with pytest.raises(ExportError, match='onnxruntime cannot run it with 1'):
        export_onnx.check_onnx(data, net, plain)


def test_missing_packages(monkeypatch):
    monkeypatch.setattr(export_onnx.importlib.util, 'find_spec',
                        lambda name: None)
    with pytest.raises(
            ExportError, match='--onnx needs onnx and onnxruntime: pip'):
        export_onnx.check_packages()
