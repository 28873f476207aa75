# Copyright (c) semipose_mm authors.
"""Tests of PCK relative to the box."""
import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import keypoint_pck_accuracy
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

from semipose_mm.evaluation import BoxPCK


def sample(errors, visible=None, box=(0, 0, 40, 100)):
    """A prediction whose keypoints are off by some pixels."""
    truth = np.arange(2 * len(errors), dtype=np.float32).reshape(1, -1, 2)
    visible = np.ones(len(errors)) if visible is None else np.array(visible)
    pred = truth.copy()
    pred[0, :, 0] += np.array(errors) * 0.6
    pred[0, :, 1] -= np.array(errors) * 0.8
    data_sample = PoseDataSample(metainfo=dict(img_path='a.jpg'))
    data_sample.gt_instances = InstanceData(
        keypoints=truth,
        keypoints_visible=visible[None].astype(np.float32),
        bboxes=np.array([box], dtype=np.float32))
    data_sample.pred_instances = InstanceData(keypoints=pred)
    return data_sample


def score(samples, **kwargs):
    """The scores by the way the loops take."""
    evaluator = Evaluator(dict(type='BoxPCK', **kwargs))
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_by_hand():
    # relative errors 0, 0.045, 0.08, 0.3 (invisible) and 0.25, 0.15
    scores = score([
        sample([0, 4.5, 8, 30], visible=[1, 1, 2, 0]),
        sample([50, 30], box=(100, 10, 300, 50))
    ])
    assert list(scores) == ['PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC']
    assert scores['PCK@0.05'] == pytest.approx(2 / 5)
    assert scores['PCK@0.1'] == pytest.approx(3 / 5)
    assert scores['PCK@0.2'] == pytest.approx(4 / 5)


def test_auc_by_hand():
    # thresholds 0.01 ... 0.20 above 0, 0.045, 0.085, 0.155 and 0.25
    scores = score([sample([0, 4.5, 8.5, 15.5, 25])])
    assert scores['AUC'] == pytest.approx((20 + 16 + 12 + 5 + 0) / 20 / 5)


def test_equals_mmpose_for_one_kind_of_keypoint():
    rng = np.random.default_rng(0)
    samples = [
        sample([error], box=(0, 0, w, h)) for error, w, h in zip(
            rng.uniform(0, 30, 50), rng.uniform(20, 200, 50),
            rng.uniform(20, 200, 50))
    ]
    pred = np.concatenate([s.pred_instances.keypoints for s in samples])
    truth = np.concatenate([s.gt_instances.keypoints for s in samples])
    boxes = np.concatenate([s.gt_instances.bboxes for s in samples])
    sides = np.repeat((boxes[:, 2:] - boxes[:, :2]).max(-1)[:, None], 2, 1)
    _, pck, _ = keypoint_pck_accuracy(pred, truth, np.ones((50, 1), bool), 0.1,
                                      sides)
    assert 0.2 < pck < 0.9
    assert score(samples)['PCK@0.1'] == pytest.approx(pck)


def test_every_keypoint_counts_the_same():
    samples = [sample([0, 0], visible=[1, 0]) for _ in range(3)]
    samples.append(sample([0, 90], visible=[1, 1]))
    assert score(samples)['PCK@0.2'] == pytest.approx(4 / 5)


def test_visibility_with_weights_and_empty_boxes():
    one = sample([0, 50])
    one.gt_instances.keypoints_visible = np.array([[[1, 1], [0, 1.]]])
    flat = sample([90, 90], box=(5, 5, 5, 5))
    assert score([one, flat])['PCK@0.2'] == 1


def test_nothing_visible():
    scores = score([sample([0, 1], visible=[0, 0])])
    assert np.isnan(scores['PCK@0.05']) and np.isnan(scores['AUC'])


def test_thresholds_and_prefix():
    scores = score([sample([3, 7])],
                   thr=[0.05, 0.5],
                   auc_thr=[0.05, 0.1],
                   prefix='mouse')
    assert scores == {
        'mouse/PCK@0.05': 0.5,
        'mouse/PCK@0.5': 1.0,
        'mouse/AUC': 0.75
    }


@pytest.mark.parametrize('kwargs', [
    dict(thr=0.05),
    dict(thr=[]),
    dict(auc_thr=[0.1, 0]),
])
def test_bad_thresholds(kwargs):
    with pytest.raises(ValueError, match=f'BoxPCK.{list(kwargs)[0]}'):
        BoxPCK(**kwargs)


def test_detected_boxes_have_no_truth():
    one = sample([1, 2])
    one.gt_instances.keypoints[:] = 0
    with pytest.raises(ValueError, match='a.jpg.*bbox_file'):
        score([one])


def test_a_joint_at_the_origin_counts():
    one = sample([50])
    one.gt_instances.keypoints[:] = 0
    one.pred_instances.keypoints = one.gt_instances.keypoints + 1
    one.set_metainfo(dict(category_id=np.array(3)))
    assert score([one])['PCK@0.05'] == 1


@pytest.mark.parametrize('change', [
    dict(keypoints_visible=-1),
    dict(keypoints=np.nan),
])
def test_joints_that_are_not_labeled_do_not_count(change):
    one = sample([0, 90])
    for key, value in change.items():
        one.gt_instances[key][0, 1] = value
    assert score([one])['PCK@0.05'] == 1


def test_registered():
    assert METRICS.get('BoxPCK') is BoxPCK
