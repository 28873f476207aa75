# Copyright (c) semipose_mm authors.
"""Tests of labels that look wrong by the history of their losses."""
import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import toys
from mmengine.runner import Runner
from mmpose.registry import MODELS
from people_toys import own_config

from semipose_mm.engine import SuspiciousLabelsHook
from semipose_mm.engine.hooks.suspicious_labels_hook import report
from semipose_mm.engine.label_losses import (LabelLosses, amplitude_and_trend,
                                             find_suspicious)

JOINTS = toys.NUM_JOINTS
COLORS = np.float32([[2, 0, 0], [-2, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 2]])


class TestLosses:

    def test_amplitude_and_trend(self):
        nan = np.nan
        losses = np.array([[[4, 1, nan], [2, 1, 2], [nan, 1, nan], [1, 1, nan],
                            [2, 3, 1]]])
        amplitude, trend = amplitude_and_trend(losses)
        np.testing.assert_allclose(amplitude, [[3 / 5, 2 / 4, nan]])
        np.testing.assert_allclose(trend, [[3 / 4, -1, nan]])
        zero = np.zeros((1, 4, 2))
        assert (amplitude_and_trend(zero)[0] == 0).all()

    @pytest.mark.parametrize('seed', range(3))
    def test_what_is_not_learned_is_found(self, seed):
        """Whatever the scale of a loss."""
        rng = np.random.default_rng(seed)
        time = np.linspace(0, 1, 8)[None, :, None]
        wrong = rng.random((30, 6)) < 0.1
        losses = np.where(wrong[:, None], 1 + 0.3 * time, np.exp(
            -3 * time)) + rng.normal(0, 0.03, (30, 8, 6)).clip(-0.04)
        losses *= 10.**rng.integers(-6, 3, (30, 1, 6))
        found = find_suspicious(losses)
        first = found.order[:wrong.sum()]
        assert wrong[tuple(first.T)].all()
        assert found.suspicious.sum() == wrong.sum()
        assert (np.diff(found.suspicion) <= 0).all()

    def test_means_and_state(self):
        losses = LabelLosses(3)
        inf = np.inf
        losses.add([('b', 1), ('a', 7)], np.array([[1, inf], [2, 3.]]), [0, 0])
        losses.add([('a', 7)], np.array([[4., 5.]]), [0])
        losses.add([('a', 7)], np.array([[1., inf]]), [2])
        other = LabelLosses(3)
        other.load_state(losses.state())
        keys, means, counts = other.means()
        nan = np.nan
        assert keys == [('a', 7), ('b', 1)]
        np.testing.assert_array_equal(means,
                                      [[[3, 4], [nan, nan], [1, nan]],
                                       [[1, nan], [nan, nan], [nan, nan]]])
        assert counts.tolist() == [[3, 2], [1, 0]]
        with pytest.raises(ValueError, match='bins of .* is 4, .* 3'):
            LabelLosses(4).load_state(losses.state())
        assert 'too few' in report(other, {})[1][0]


def test_moved_joints_of_a_real_network_are_ranked_first():
    """A network learns spots of five colors; 10 % of the labels are moved."""
    rng = np.random.default_rng(0)
    codec = toys.MSRAHeatmap(**{
        k: v
        for k, v in toys.CODEC.items() if k != 'type'
    })
    num, batch, iterations = 32, 8, 200
    y, x = np.mgrid[:96, :64].astype(np.float32)
    points = rng.uniform([8, 8], [56, 88], (num, JOINTS, 2))
    spots = np.exp(-((x - points[..., 0, None, None])**2 +
                     (y - points[..., 1, None, None])**2) / 32)
    images = torch.tensor(
        np.einsum('nkhw,kc->nchw', spots, COLORS), dtype=torch.float32)
    moved = rng.random((num, JOINTS)) < 0.1
    labels = np.where(moved[..., None],
                      rng.uniform([4, 4], [60, 92], points.shape), points)
    # those that are moved nowhere are no mistakes
    moved &= np.linalg.norm(labels - points, axis=-1) > 16
    encoded = [
        codec.encode(one[None].astype(np.float32),
                     np.ones((1, JOINTS), np.float32)) for one in labels
    ]
    maps = torch.tensor(np.stack([one['heatmaps'] for one in encoded]))
    weights = torch.ones(num, JOINTS)

    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            toys.BASE,
            type='SemiPoseEstimator',
            backbone=dict(
                type='ResNet',
                depth=18,
                num_stages=1,
                strides=(1, ),
                dilations=(1, ),
                out_indices=(0, ),
                stem_channels=8,
                base_channels=16),
            head=dict(
                toys.BASE['head'], in_channels=16, deconv_out_channels=None)))
    model.init_weights()
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    hook = SuspiciousLabelsHook(interval=10)
    runner = SimpleNamespace(model=model, iter=0, max_iters=iterations)
    hook.before_train(runner)
    for step in range(iterations):
        runner.iter = step
        chosen = [(step * batch + i) % num for i in range(batch)]
        samples = [
            SimpleNamespace(metainfo=dict(img_path='a', id=i)) for i in chosen
        ]
        # moved together, so that no image is learned by heart
        shift = rng.integers(-6, 7, 2)
        data = dict(
            labeled=samples,
            labels=dict(
                heatmaps=maps[chosen].roll(tuple(shift), (2, 3)),
                keypoint_weights=weights[chosen]))
        seen = images[chosen].roll(tuple(4 * shift), (2, 3))
        losses = model.loss(dict(labeled=seen), data)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        hook.after_train_iter(runner, step, dict(data_samples=data))
    keys, means, _ = hook.losses.means()
    found = find_suspicious(means)
    images_of = np.array([key for _, key in keys])[found.order[:, 0]]
    hit = moved[images_of, found.order[:, 1]]
    assert len(hit) == num * JOINTS and hit.sum() == 13
    # 12 when it was written
    assert hit[:13].sum() >= 11
    # the other cluster has no moved one
    assert hit[found.suspicious].sum() == 13


def test_the_report_of_a_training_and_of_a_resumed_one(people_root, tmp_path,
                                                       no_yapf):

    def train(name, **more):
        cfg = own_config(
            people_root, tmp_path / name, 'supervised', **{
                'train_cfg.max_epochs': 3,
                'default_hooks.checkpoint.interval': 1,
                **more
            })
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        # not at the ends of epochs
        cfg.custom_hooks = [
            dict(type='SuspiciousLabelsHook', bins=3, interval=4)
        ]
        Runner.from_cfg(cfg).train()
        with open(tmp_path / name / 'suspicious_labels.csv') as file:
            return list(csv.DictReader(file))

    rows = train('whole')
    labels = json.loads((people_root / 'annotations' /
                         'person_keypoints_train.json').read_text())
    ids = {str(one['id']) for one in labels['annotations']}
    assert rows and {one['annotation'] for one in rows} <= ids
    assert {one['joint']
            for one in rows} <= set(labels['categories'][0]['keypoints'])
    assert [int(one['rank']) for one in rows] == list(range(1, len(rows) + 1))
    assert all(int(one['views']) >= 3 for one in rows)
    begun = str(tmp_path / 'whole' / 'epoch_1.pth')
    assert train('resumed', load_from=begun, resume=True) == rows
