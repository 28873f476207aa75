# Copyright (c) semipose_mm authors.
"""Predictions of all networks against those of stock estimators."""
import copy

import numpy as np
import pytest
import simcc_toys
import torch
import toys
from mmengine.evaluator import Evaluator
from mmpose.models.heads import HeatmapHead, RTMCCHead
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import KEYPOINT_CODECS, MODELS

from semipose_mm.models import SemiPoseEstimator

SIZES = dict(input_size=(64, 96), heatmap_size=(16, 24), sigma=1.5)
CODECS = [
    dict(type='MSRAHeatmap', **SIZES),
    dict(type='MSRAHeatmap', unbiased=True, blur_kernel_size=7, **SIZES),
    dict(type='UDPHeatmap', **SIZES),
]


class PeakedHead(HeatmapHead):
    """Random maps with a peak each, which rounding does not move."""

    def forward(self, feats):
        maps = super().forward(feats)
        h, w = maps.shape[-2:]
        ys, xs = (torch.arange(side, device=maps.device) for side in (h, w))
        ys = ys[:, None]
        x, y = (part.sin()[..., None, None] * 0.4 * size + size / 2
                for part, size in ((100 * maps.mean((-2, -1)), w),
                                   (100 * maps.amax((-2, -1)), h)))
        peaks = (-((xs - x)**2 + (ys - y)**2) / 6).exp()
        return peaks + 0.01 * maps.sin()


def build(codec=None, **test_cfg):
    """Two networks in evaluation mode, whose maps have clear peaks."""
    model = toys.build_model(**toys.DUAL).eval()
    model.test_cfg.update(test_cfg)
    for net in model.networks:
        net.head.__class__ = PeakedHead
        net.head.decoder = KEYPOINT_CODECS.build(codec or CODECS[0])
    return model


def batch():
    """Images, and data samples with crops all over their images."""
    inputs, samples = toys.build_batch(4)
    rng = np.random.default_rng(0)
    for sample in samples['labeled']:
        sample.set_metainfo(
            dict(
                input_center=rng.uniform(0, 300, 2).astype(np.float32),
                input_scale=rng.uniform(50, 300, 2).astype(np.float32)))
    return inputs['labeled'], samples['labeled']


@torch.no_grad()
def stock_predictions(model, inputs, samples):
    """What a stock estimator makes of each network's parts."""
    found = {}
    for i, net in enumerate(model.networks):
        stock = TopdownPoseEstimator.__new__(TopdownPoseEstimator)
        stock.__dict__.update(net.__dict__)
        stock.test_cfg = model.test_cfg
        found[f'net{i}'] = TopdownPoseEstimator.predict(
            stock, inputs, copy.deepcopy(samples))
    return found


def assert_same(found, expected):
    """Equal samples: names, types and values."""
    assert len(found) == len(expected)
    for one, two in zip(found, expected):
        assert set(one.all_keys()) == set(two.all_keys())
        poses = one.pred_instances, two.pred_instances
        assert set(poses[0].keys()) == set(poses[1].keys())
        for key, value in poses[1].items():
            other = poses[0][key]
            assert (other.dtype, other.shape) == (value.dtype, value.shape)
            np.testing.assert_allclose(other, value, atol=5e-3, rtol=1e-4)
            if key != 'keypoints':
                np.testing.assert_allclose(other, value, rtol=1e-6)
        if 'pred_fields' in two:
            torch.testing.assert_close(one.pred_fields.heatmaps,
                                       two.pred_fields.heatmaps)


@pytest.mark.parametrize('codec', CODECS)
@pytest.mark.parametrize('test_cfg', [
    dict(),
    dict(flip_test=True),
    dict(flip_test=True, shift_heatmap=False, output_heatmaps=True),
    dict(output_heatmaps=True, output_keypoint_indices=[0, 2]),
])
def test_networks_are_stock(codec, test_cfg, device):
    model = build(codec, **test_cfg).to(device)
    inputs, samples = batch()
    inputs = inputs.to(device)
    with torch.no_grad():
        found = model.predict_networks(inputs, samples)
    for name, expected in stock_predictions(model, inputs, samples).items():
        assert_same(found[name], expected)


@pytest.mark.parametrize('codec', CODECS)
def test_the_ensemble_is_the_decoded_mean(codec, device):
    model = build(codec).to(device)
    inputs, samples = batch()
    inputs = inputs.to(device)
    with torch.no_grad():
        found = model.predict_networks(inputs, samples)['ensemble']
        mean = sum(n.head(n.extract_feat(inputs)) for n in model.networks) / 2
    expected = model.add_pred_to_datasample(
        model.head.decode(mean), None, copy.deepcopy(samples))
    assert_same(found, expected)


@pytest.mark.parametrize('codec', CODECS)
def test_devices_agree(codec, device):
    model = build(codec, flip_test=True)
    inputs, samples = batch()
    with torch.no_grad():
        expected = model.predict_networks(inputs, samples)
        model = model.to(device)
        found = model.predict_networks(inputs.to(device), samples)
    for name, instances in expected.items():
        for one, two in zip(found[name], instances):
            one, two = one.pred_instances, two.pred_instances
            np.testing.assert_allclose(one.keypoints, two.keypoints, atol=0.3)
            np.testing.assert_allclose(
                one.keypoint_scores, two.keypoint_scores, atol=1e-3)


def test_networks_may_decode_differently():
    model = build()
    model.networks[1].head.decoder = KEYPOINT_CODECS.build(CODECS[1])
    inputs, samples = batch()
    with torch.no_grad():
        found = model.predict_networks(inputs, samples)
    for name, expected in stock_predictions(model, inputs, samples).items():
        assert_same(found[name], expected)


def test_dark_vectors_do_not_spoil_the_ensemble():
    """On the CPU the stock codec writes into the network's output."""
    model = simcc_toys.build_model('RTMCCHead', **toys.DUAL).eval()
    for net in model.networks:
        net.head.decoder.use_dark = True
        net.head.cls_x.weight.data.mul_(20)  # above the codec's floor
        net.head.cls_y.weight.data.mul_(20)
    inputs, samples = batch()
    with torch.no_grad():
        found = model.predict_networks(inputs, samples)['ensemble']
        parts = [model.output.run(n, inputs) for n in model.networks]
    mean = model.output.mean(parts)
    scores = torch.minimum(*(part.amax(-1) for part in mean))
    for sample, expected in zip(found, scores):
        np.testing.assert_allclose(
            sample.pred_instances.keypoint_scores[0], expected, rtol=1e-5)


def test_samples_share_all_but_the_predictions():
    model = build()
    inputs, samples = batch()
    before = [set(sample.all_keys()) for sample in samples]
    with torch.no_grad():
        found = model.predict_networks(inputs, samples)
    assert [set(sample.all_keys()) for sample in samples] == before
    for i, sample in enumerate(samples):
        mine = [samples[i] for samples in found.values()]
        assert len({id(m.pred_instances) for m in mine}) == 3
        for other in mine:
            assert other.gt_instances is sample.gt_instances
        # what one is given, no other has
        mine[0].set_field(1, 'own')
        mine[0].set_metainfo(dict(note=1))
        assert not any('own' in m or 'note' in m for m in mine[1:] + [sample])
        del mine[0].gt_instances
        assert all('gt_instances' in m for m in mine[1:] + [sample])


def test_one_copy_from_the_device(monkeypatch):
    model = build(flip_test=True)
    inputs, samples = batch()
    copies = []
    original = torch.Tensor.cpu
    monkeypatch.setattr(
        torch.Tensor, 'cpu',
        lambda self, *args: copies.append(self) or original(self, *args))
    with torch.no_grad():
        model.predict_networks(inputs, samples)
    assert [tuple(c.shape) for c in copies] == [(4, 5, 9)]


def test_bfloat16_is_decoded_in_float32(device):
    model = build().to(device)
    inputs, samples = batch()
    with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16):
        found = model.predict_networks(inputs.to(device), samples)
    for sample in found['ensemble']:
        assert sample.pred_instances.keypoint_scores.dtype == np.float32


class Shifting:
    """Predicts in a way of its own."""

    def predict(self, *args, **kwargs):
        found = super().predict(*args, **kwargs)
        for instances in found[0] if isinstance(found, tuple) else found:
            instances.keypoints += 1
        return found


class ShiftingHead(Shifting, PeakedHead):
    """With heatmaps."""


class ShiftingRTMCCHead(Shifting, RTMCCHead):
    """With vectors."""


class DecodingHead(PeakedHead):
    """Decodes in a way of its own."""

    def decode(self, batch_outputs):
        found = super().decode(batch_outputs)
        for instances in found:
            instances.keypoints += 1
        return found


@pytest.fixture
def mean_shift(monkeypatch):
    """How far one type of head moves the keypoints in input pixels."""

    def measure(model, head_type, inputs, samples):
        found = []
        for kind in (type(model.head), head_type):
            for net in model.networks:
                monkeypatch.setattr(net.head, '__class__', kind)
            with torch.no_grad():
                found.append(model.predict_networks(inputs, samples))
        return {
            name:
            np.mean([
                b.pred_instances.keypoints - a.pred_instances.keypoints
                for a, b in zip(found[0][name], found[1][name])
            ])
            for name in found[0]
        }

    return measure


@pytest.mark.parametrize('head_type, moved', [
    (ShiftingHead, dict(net0=1, net1=1, ensemble=0)),
    (DecodingHead, dict(net0=1, net1=1, ensemble=1)),
])
def test_heads_with_ways_of_their_own(mean_shift, head_type, moved):
    found = mean_shift(build(), head_type, *unscaled_batch())
    assert found == pytest.approx(moved, abs=1e-4)


def test_vector_heads_with_ways_of_their_own(mean_shift):
    model = simcc_toys.build_model('RTMCCHead', **toys.DUAL).eval()
    found = mean_shift(model, ShiftingRTMCCHead, *unscaled_batch())
    assert found == pytest.approx(dict(net0=1, net1=1, ensemble=0), abs=1e-4)


def unscaled_batch():
    """A batch whose crops are their images."""
    inputs, samples = toys.build_batch(4)
    return inputs['labeled'], samples['labeled']


@MODELS.register_module(name='_SelectingEstimator', force=True)
class SelectingEstimator(SemiPoseEstimator):
    """Adds predictions in a way of its own."""

    def add_pred_to_datasample(self, instances, fields, samples):
        for sample in super().add_pred_to_datasample(instances, fields,
                                                     samples):
            sample.set_field(True, 'added')
        return samples


def test_estimators_with_ways_of_their_own():
    cfg = dict(toys.BASE, **toys.DUAL, type='_SelectingEstimator')
    model = MODELS.build(copy.deepcopy(cfg)).eval()
    with torch.no_grad():
        found = model.predict_networks(*batch())
    assert all(s.added for samples in found.values() for s in samples)


def test_metrics_may_share_the_truth():
    """Scores of each network are those on copies, and the truth stays."""
    model = build()
    inputs, samples = batch()
    rng = np.random.default_rng(0)
    for sample in samples:
        sample.gt_instances.keypoints = rng.uniform(0, 300, (1, 5, 2))
        sample.gt_instances.keypoints_visible = np.ones((1, 5))
        sample.gt_instances.head_size = np.full((1, 1), 50.)
        sample.set_metainfo(dict(img_path='a.jpg'))
    metrics = [
        dict(type='PCKAccuracy', thr=0.5, norm_item='bbox'),
        dict(type='AUC', norm_factor=300),
        dict(type='EPE'),
        dict(
            type='NME', norm_mode='keypoint_distance', keypoint_indices=[0,
                                                                         1]),
        dict(type='BoxPCK', prefix='box')
    ]
    before = copy.deepcopy(samples)
    with torch.no_grad():
        found = model.predict_networks(inputs, samples)
    scores = []
    for copied in (copy.deepcopy(found), found):
        scores.append({})
        for name, predicted in copied.items():
            evaluator = Evaluator(copy.deepcopy(metrics))
            evaluator.dataset_meta = dict(
                dataset_name='any', keypoint_id2name=dict(enumerate('abcde')))
            evaluator.process(predicted)
            scores[-1][name] = evaluator.evaluate(len(samples))
    assert scores[0] == scores[1] and len(scores[0]['net0']) >= 6
    for sample, old in zip(samples, before):
        for key, value in old.gt_instances.items():
            np.testing.assert_array_equal(sample.gt_instances[key], value)
