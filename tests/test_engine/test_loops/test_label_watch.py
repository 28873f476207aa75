# Copyright (c) semipose_mm authors.
"""Labels of which nothing is learned end a training, with the reason."""
import re

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample
from people_toys import own_config

from semipose_mm.engine import LabelError
from semipose_mm.engine.loops.label_watch import WATCHED, LabelWatch


def batch(weight=0., box=(10, 10, 50, 90), visible=1., form='semi'):
    """Two labeled samples, the joints of which lie in (20, 20, 40, 80)."""
    samples = []
    for _ in range(2):
        sample = PoseDataSample(metainfo=dict(img_path='mouse.jpg'))
        sample.gt_instances = InstanceData(
            bboxes=np.array([box], np.float32),
            keypoints=np.array([[[20, 20], [40, 80]]], np.float32),
            keypoints_visible=np.full((1, 2), visible, np.float32))
        sample.gt_instance_labels = InstanceData(
            keypoint_weights=torch.full((1, 2), weight))
        samples.append(sample)
    if form == 'stock':
        return dict(inputs=[], data_samples=samples)
    labels = dict(keypoint_weights=torch.full((2, 2), weight))
    return dict(inputs={}, data_samples=dict(labeled=samples, labels=labels))


@pytest.mark.parametrize('form', ['semi', 'stock'])
def test_one_weight_is_enough(form):
    watch = LabelWatch()
    for weight in (0, 0, 0.5, 0):
        assert not watch.look(batch(weight, form=form))
    assert watch.seen


@pytest.mark.parametrize('form', ['semi', 'stock'])
def test_it_looks_at_the_first_batches(form):
    watch = LabelWatch()
    ends = [watch.look(batch(form=form)) for _ in range(WATCHED + 2)]
    assert [i for i, end in enumerate(ends, 1) if end] == [WATCHED]
    assert not watch.seen


def test_batches_without_weights_are_none_of_its_business():
    for strange in (dict(inputs=[]), dict(data_samples=[]), [1, 2],
                    dict(data_samples=dict(labeled=[PoseDataSample()]))):
        watch = LabelWatch()
        watch.look(strange)
        assert watch.seen


@pytest.mark.parametrize('kwargs, reason', [
    (dict(box=(0.1, 0.1, 0.5, 0.9)), 'smaller than a pixel.*normalised'),
    (dict(box=(100, 100, 150, 150)), '0% of them in their boxes'),
    (dict(visible=0.), 'no joint is labeled'),
    (dict(visible=-1.), 'no joint is labeled'),
    (dict(), 'not in their crops.*weights are 0'),
])
def test_the_reason(kwargs, reason):
    watch = LabelWatch()
    watch.look(batch(**kwargs))
    line = watch.explain()
    assert '\n' not in line
    assert re.search(f'first 1 iterations.*loss is exactly 0.*{reason}', line)


@TRANSFORMS.register_module()
class NoWeights(BaseTransform):
    """Makes labels teach nothing."""

    def transform(self, results):
        if 'keypoint_weights' in results:  # labels have them
            results['keypoint_weights'] = 0 * results['keypoint_weights']
        return results


@pytest.mark.parametrize('name', ['posedual', 'supervised'])
def test_a_training_ends(people_root, tmp_path, no_yapf, name):
    """A short one at its end, and before it validates."""
    cfg = own_config(people_root, tmp_path, name)
    pipeline = cfg.train_dataloader.dataset.labeled.pipeline
    pipeline.insert(len(pipeline) - 1, dict(type='NoWeights'))
    runner = Runner.from_cfg(cfg)
    with pytest.raises(LabelError, match='supervised loss is exactly 0'):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))
