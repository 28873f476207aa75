# Copyright (c) semipose_mm authors.
"""Labels with weights: the labeled loss of a joint is multiplied by its own.

Their reading is tested in test_data_files, and that merging keeps them in
test_importing.
"""
import json

import numpy as np
import pytest
import simcc_toys
import torch
import toys
from mmpose.datasets.transforms import GenerateTarget
from mmpose.registry import DATASETS

from semipose_mm.datasets import SemiIndex
from semipose_mm.datasets.reading.labeled import one_reading
from semipose_mm.structures import stack_labels

WEIGHTS = [i / 16 for i in range(17)]


class OwnTarget(GenerateTarget):
    """What a user has written."""


@pytest.fixture
def weigh(data_root, tmp_path, semi_cfg):
    """Give annotations weights; returns the config of the labeled part."""

    def weigh(weights):
        content = json.loads((data_root / 'labeled.json').read_text())
        for number, values in weights.items():
            content['annotations'][number]['keypoint_weights'] = values
        path = tmp_path / f'{len(list(tmp_path.iterdir()))}.json'
        path.write_text(json.dumps(content))
        return dict(semi_cfg['labeled'], ann_file=str(path))

    return weigh


def labels_of(dataset, number, seed=1):
    """What a labeled sample is trained with, and the sample."""
    item = dataset[SemiIndex(number, (0, ), seed)]
    sample = item['data_samples']['labeled']
    return stack_labels([sample]), sample


@pytest.mark.parametrize('flip', [0., 1.])
@pytest.mark.parametrize('converted', [False, True])
def test_weights_go_with_their_joints(build_semi, weigh, coco_metainfo,
                                      converted, flip):
    """Through flips, half bodies, boxes and a change of the joints."""
    order = list(range(17))

    def dataset(labeled):
        pipeline = [dict(one) for one in labeled['pipeline']]
        pipeline[2]['prob'], pipeline[3]['prob'] = flip, 1.
        if not converted:
            return build_semi(labeled=dict(labeled, pipeline=pipeline))
        order[:2] = 1, 0
        change = dict(
            type='KeypointConverter',
            num_keypoints=17,
            mapping=list(zip(order, range(17))))
        return build_semi(
            labeled=dict(
                type='CombinedDataset',
                metainfo=coco_metainfo,
                pipeline=pipeline,
                datasets=[dict(labeled, pipeline=[change])]))

    plain, ones = dataset(weigh({})), dataset(weigh({0: [1] * 17}))
    weighted = dataset(weigh({0: WEIGHTS}))
    for number in range(5):
        (one, sample), (same, _), (other, _) = (
            labels_of(x, number) for x in (plain, ones, weighted))
        assert one.keys() == same.keys() == other.keys()
        # as if there were no weights, bit by bit
        assert all(torch.equal(one[key], same[key]) for key in one)
        expected = np.array(WEIGHTS)[order] if number == 0 else np.ones(17)
        if flip:
            expected = expected[sample.metainfo['flip_indices']]
        seen = one.pop('keypoint_weights')
        assert seen.sum() > 0
        found = other.pop('keypoint_weights')
        torch.testing.assert_close(
            found,
            seen * torch.tensor(expected, dtype=found.dtype)[None])
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_scores_do_not_see_them(weigh):
    """A data set that is evaluated is read as without weights."""
    labeled = dict(weigh({0: WEIGHTS}), pipeline=[])
    with one_reading(labeled, 'val_dataloader.dataset'):
        info = DATASETS.build(labeled).get_data_info(0)
    assert info['keypoints_visible'].tolist() == [[1.] * 17]


@pytest.mark.parametrize('make', [
    toys.build_model, lambda **more: simcc_toys.build_model(
        'RTMCCHead', **more)
], ids=['heatmaps', 'simcc'])  # yapf: disable
def test_the_loss_of_a_joint_is_multiplied(make):
    """Supervised: the loss is the sum of the joints', each by its weight."""
    model = make().eval()
    batch = (toys if model.output.__class__.__name__ == 'HeatmapOutput' else
             simcc_toys).build_batch()
    inputs, samples = batch
    labels = samples['labels']
    visible = labels['keypoint_weights'].clone()
    assert (visible == 1).all()

    def loss(weights):
        labels['keypoint_weights'] = visible * weights
        with torch.no_grad():
            losses = model.loss(inputs, samples)
        return sum(v for k, v in losses.items() if 'loss_sup' in k)

    weights = torch.linspace(0, 1, toys.NUM_JOINTS)
    each = torch.stack([loss(one) for one in torch.eye(toys.NUM_JOINTS)])
    assert (each > 0).all()
    torch.testing.assert_close(loss(weights), (each * weights).sum())


def test_a_transform_that_forgets_them_is_refused(build_semi, weigh):
    labeled = weigh({0: WEIGHTS})
    labeled['pipeline'][-2]['type'] = OwnTarget
    with pytest.raises(ValueError, match='keypoint_weights.*OwnTarget'):
        build_semi(labeled=labeled)
    labeled['ann_file'] = weigh({})['ann_file']
    build_semi(labeled=labeled)
