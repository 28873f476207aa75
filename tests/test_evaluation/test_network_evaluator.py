# Copyright (c) semipose_mm authors.
"""Tests of scoring several networks beside one another."""
import copy

import pytest
from mmengine.evaluator import BaseMetric, DumpResults, Evaluator
from mmengine.structures import BaseDataElement, InstanceData

from semipose_mm.evaluation.network_evaluator import (NetworkEvaluator,
                                                      with_suffix)


class MeanMetric(BaseMetric):
    """The mean of numbers."""

    default_prefix = 'toy'

    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return dict(mean=sum(results) / len(results))


def test_names():
    names = ['net0', 'net1', 'ensemble']
    evaluator = NetworkEvaluator(
        {name: Evaluator(MeanMetric())
         for name in names}, 'net1')
    evaluator.process_networks(dict(net0=[1, 2], net1=[3, 4], ensemble=[5, 6]))
    evaluator.process_networks(dict(net0=[3], net1=[5], ensemble=[7]))
    metrics = evaluator.evaluate(3)
    assert metrics == {
        'toy/mean': 4,
        'net0/toy/mean': 2,
        'ensemble/toy/mean': 6
    }
    assert list(metrics)[0] == 'toy/mean'


class KeepingMetric(BaseMetric):
    """Keeps the dicts, and writes into them."""

    def process(self, data_batch, data_samples):
        self.results.extend(copy.deepcopy(data_samples))
        for sample in data_samples:
            sample['gt']['read'] = sample['read'] = True

    def compute_metrics(self, results):
        return dict()


def test_metrics_get_dicts_of_their_own():
    """What samples share is read once, but seen by each as if alone."""
    truth = InstanceData(boxes=[1])
    samples = dict()
    for i, name in enumerate(('net0', 'net1', 'ensemble')):
        samples[name] = [BaseDataElement(metainfo=dict(img_id=7))]
        samples[name][0].gt = truth
        samples[name][0].pred = InstanceData(boxes=[i])
    evaluators = {name: Evaluator(KeepingMetric()) for name in samples}
    NetworkEvaluator(evaluators, 'net0').process_networks(samples)
    for name, (sample, ) in samples.items():
        assert evaluators[name].metrics[0].results == [sample.to_dict()]


def test_everyone_has_an_own_dataset_meta():
    evaluators = {name: Evaluator(MeanMetric()) for name in ('net0', 'net1')}
    evaluator = NetworkEvaluator(evaluators, 'net0')
    evaluator.dataset_meta = dict(sigmas=[1])
    metas = [e.metrics[0].dataset_meta for e in evaluators.values()]
    assert metas[0] == metas[1] == evaluator.dataset_meta
    metas[0]['sigmas'].append(2)
    assert metas[1] == dict(sigmas=[1])


@pytest.mark.parametrize('build', [lambda cfg: cfg, Evaluator])
def test_suffix(build):
    cfg = [
        dict(type='DumpResults', out_file_path='a.b/pred.pkl'),
        dict(type='DumpResults', out_file_path='other.pickle')
    ]
    original = build(copy.deepcopy(cfg))
    new = with_suffix(original, 'net1')
    assert Evaluator(new).metrics[0].out_file_path == 'a.b/pred_net1.pkl' \
        if isinstance(new, list) else \
        new.metrics[0].out_file_path == 'a.b/pred_net1.pkl'
    old = original if isinstance(original, list) else original.metrics
    path = old[0]['out_file_path'] if isinstance(old[0], dict) \
        else old[0].out_file_path
    assert path == 'a.b/pred.pkl'


def test_suffix_of_prefixes_and_nested_configs():
    cfg = dict(
        type='MultiDatasetEvaluator',
        metrics=[
            dict(type='CocoMetric', outfile_prefix='work/v1.0'),
            dict(type='CocoMetric', outfile_prefix=None)
        ])
    new = with_suffix(cfg, 'ensemble')
    assert [m['outfile_prefix']
            for m in new['metrics']] == ['work/v1.0_ensemble', None]
    assert cfg['metrics'][0]['outfile_prefix'] == 'work/v1.0'


def test_suffix_of_a_built_metric():
    new = with_suffix([DumpResults('x.pkl')], 'net1')
    assert new[0].out_file_path == 'x_net1.pkl'


def test_files_with_a_place_for_the_name():
    """Every network has its name there, the selected one, too."""
    cfg = [
        dict(type='DumpResults', out_file_path='{network}/pred.pkl'),
        dict(type='DumpResults', out_file_path='other.pkl')
    ]
    evaluator = NetworkEvaluator(
        dict(
            net0=Evaluator(cfg),
            ensemble=Evaluator(with_suffix(cfg, 'ensemble'))), 'net0')
    files = {
        name: [m.out_file_path for m in one.metrics]
        for name, one in evaluator.evaluators.items()
    }
    assert files == dict(
        net0=['net0/pred.pkl', 'other.pkl'],
        ensemble=['ensemble/pred.pkl', 'other_ensemble.pkl'])
