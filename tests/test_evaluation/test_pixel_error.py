# Copyright (c) semipose_mm authors.
"""Tests of errors in pixels."""
import csv

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.evaluation.metrics import EPE
from mmpose.structures import PoseDataSample

from semipose_mm.evaluation import PixelError

JOINTS = ['nose', 'paw', 'tail']


def samples_of(errors, visible):
    """Predictions that are off by some pixels, (N, K)."""
    found = []
    for row, seen in zip(np.asarray(errors, float), visible):
        truth = np.arange(2. * len(row)).reshape(1, -1, 2)
        sample = PoseDataSample(metainfo=dict(category_id=1))
        sample.gt_instances = InstanceData(
            keypoints=truth,
            keypoints_visible=np.array([seen], np.float32),
            bboxes=np.array([[0, 0, 9, 9.]]))
        sample.pred_instances = InstanceData(keypoints=truth +
                                             row[:, None] * [0.6, -0.8])
        found.append(sample)
    return found


def score(samples, **kwargs):
    """The scores by the way the loops take."""
    evaluator = Evaluator(dict(type='PixelError', **kwargs))
    evaluator.dataset_meta = dict(keypoint_id2name=dict(enumerate(JOINTS)))
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_only_labeled_joints_count(tmp_path):
    path = tmp_path / 'errors.csv'
    scores = score(
        samples_of([[1, 2, 999], [3, 6, 999]], [[1, 2, 0], [1, 1, 0]]),
        out_file_path=str(path))
    assert scores == pytest.approx({
        'EPE': 3,
        'EPE median': 2.5,
        'EPE 95%': 5.55
    })
    rows = list(csv.DictReader(path.open()))
    assert [row['joint'] for row in rows] == ['all', *JOINTS]
    assert rows[2] == {
        'joint': 'paw',
        'mean': '4',
        'median': '4',
        '95%': '5.8',
        'values': '2'
    }
    # no label, no number
    assert list(rows[3].values()) == ['tail', '', '', '', '0']


def test_mean_is_that_of_mmpose():
    rng = np.random.default_rng(0)
    samples = samples_of(
        rng.exponential(9, (20, 3)),
        rng.uniform(size=(20, 3)) > 0.3)
    evaluator = Evaluator(EPE())
    evaluator.process(samples)
    assert score(samples)['EPE'] == pytest.approx(
        evaluator.evaluate(20)['EPE'], rel=1e-5)


def test_a_prediction_that_is_nowhere_is_as_wrong_as_can_be():
    scores = score(samples_of([[1, np.nan, 2]], [[1, 1, 1]]))
    assert scores == {'EPE': np.inf, 'EPE median': 2, 'EPE 95%': np.inf}


def test_refused():
    with pytest.raises(ValueError, match=r'out_file_path is .a\.txt.*\.csv'):
        PixelError('a.txt')
    sample, = samples_of([[1, 1, 1]], [[1, 1, 1]])
    sample.set_metainfo(dict(img_path='a.jpg'))
    sample.gt_instances.keypoints *= 0
    sample.pop('category_id')
    with pytest.raises(ValueError, match='a.jpg.*PixelError.*bbox_file'):
        score([sample])
