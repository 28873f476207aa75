# Copyright (c) semipose_mm authors.
"""PCKh of MPII for every network, from files in MPII's format."""
import json

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.datasets import MpiiDataset
from mmpose.structures import PoseDataSample
from scipy.io import savemat

from semipose_mm.evaluation import NetworkEvaluator, split_networks

NUM, JOINTS = 12, 16
PARTS = dict(
    Head=[9],
    Shoulder=[13, 12],
    Elbow=[14, 11],
    Wrist=[15, 10],
    Hip=[3, 2],
    Knee=[4, 1],
    Ankle=[5, 0])
# pelvis and thorax do not count
COUNTED = [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15]


@pytest.fixture
def mpii(tmp_path):
    """A dataset of poses without images, and its truth."""
    rng = np.random.default_rng(0)
    visible = rng.uniform(size=(NUM, JOINTS)) > 0.2
    visible[0] = True
    anns = [
        dict(
            image=f'{i:09d}.jpg',
            center=[200., 150.],
            scale=1.5,
            joints=rng.uniform(50, 300, (JOINTS, 2)).tolist(),
            joints_vis=visible[i].astype(int).tolist()) for i in range(NUM)
    ]
    (tmp_path / 'mpii_val.json').write_text(json.dumps(anns))
    # corners of the head's box: (2, 2, N)
    heads = rng.uniform(100, 150, (2, 2, NUM))
    heads[1] += rng.uniform(30, 60, (2, NUM))
    savemat(tmp_path / 'gt_val.mat', dict(headboxes_src=heads))
    dataset = MpiiDataset(
        data_root=str(tmp_path),
        ann_file='mpii_val.json',
        headbox_file=str(tmp_path / 'gt_val.mat'),
        data_mode='topdown',
        test_mode=True)
    sizes = 0.6 * np.linalg.norm(heads[1] - heads[0], axis=0)
    return dataset, visible, sizes


def predictions(dataset, errors):
    """Data samples whose joints are off by (N, K, 2) image pixels."""
    samples = []
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        sample = PoseDataSample(metainfo=dict(img_path=info['img_path']))
        sample.gt_instances = InstanceData(
            keypoints=info['keypoints'],
            keypoints_visible=info['keypoints_visible'],
            bboxes=info['bbox'],
            head_size=info['head_size'])
        # the annotations count pixels from 1, predictions from 0
        sample.pred_instances = InstanceData(keypoints=info['keypoints'] - 1 +
                                             errors[i])
        samples.append(sample.to_dict())
    return samples


def protocol(errors, visible, sizes):
    """PCKh by its definition, in percent."""
    relative = np.linalg.norm(errors, axis=-1) / sizes[:, None]

    def share(joints, thr):
        close = (relative < thr) & visible
        return 100 * close[:, joints].sum() / visible[:, joints].sum()

    scores = {
        f'{part} PCK': np.mean([share([j], 0.5) for j in joints])
        for part, joints in PARTS.items()
    }
    return dict(scores, **{
        'PCK': share(COUNTED, 0.5),
        'PCK@0.1': share(COUNTED, 0.1)
    })


def test_parts_and_means_of_every_network(mpii):
    dataset, visible, sizes = mpii
    rng = np.random.default_rng(1)
    names = dict(net0=20., net1=40., ensemble=8.)
    errors = {
        name: rng.normal(size=(NUM, JOINTS, 2)) * amount
        for name, amount in names.items()
    }
    evaluator = NetworkEvaluator(
        {name: Evaluator(dict(type='MpiiPCKAccuracy'))
         for name in names}, 'net0')
    evaluator.dataset_meta = dataset.metainfo
    evaluator.process_networks(
        {name: predictions(dataset, errors[name])
         for name in names})
    scores = split_networks(evaluator.evaluate(NUM))
    for name in names:
        expected = protocol(errors[name], visible, sizes)
        assert set(scores[name]) == set(expected)
        assert scores[name] == pytest.approx(expected, abs=1e-4)
    means = [scores[name]['PCK'] for name in names]
    assert 0 < means[1] < means[0] < means[2] < 100
    assert 0 < scores['ensemble']['PCK@0.1'] < scores['ensemble']['PCK']


def test_pixels_are_counted_from_one(mpii):
    """A prediction in pixels from 0 that is exact has no error."""
    dataset, _, _ = mpii
    with open(dataset.ann_file) as file:
        joints = json.load(file)[0]['joints']
    # MMPose 1.x leaves them so, in training, too
    assert np.allclose(dataset.get_data_info(0)['keypoints'], joints)
    evaluator = Evaluator(dict(type='MpiiPCKAccuracy', thr=1e-4))
    evaluator.dataset_meta = dataset.metainfo
    evaluator.process(predictions(dataset, np.zeros((NUM, JOINTS, 2))))
    assert evaluator.evaluate(NUM)['PCK'] == pytest.approx(100)
