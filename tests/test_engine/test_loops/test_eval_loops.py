# Copyright (c) semipose_mm authors.
"""Tests of scoring all networks in one pass."""
import copy
import json

import mmengine
import numpy as np
import pytest
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from toy_poses import NUM_KEYPOINTS, keypoints
from toy_runner import toy_runner


@HOOKS.register_module()
class KeepOutputsHook(Hook):
    """Keeps what hooks are given."""

    def __init__(self):
        self.outputs, self.metrics = [], []

    def after_val_iter(self, runner, batch_idx, data_batch, outputs):
        self.outputs.extend(outputs)

    def after_test_iter(self, runner, batch_idx, data_batch, outputs):
        self.outputs.extend(outputs)

    def after_val_epoch(self, runner, metrics):
        self.metrics.append(metrics)

    def after_test_epoch(self, runner, metrics):
        self.metrics.append(metrics)


MODEL = dict(type='ToyNetworks', offsets=[3, 15])


def build(tmp_path, mode, model=MODEL, evaluator=None, **loop):
    """A runner that validates or tests."""
    loader = dict(
        batch_size=2,
        dataset=dict(type='ToyPoseDataset'),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'))
    loop_type = 'SemiPoseValLoop' if mode == 'val' else 'SemiPoseTestLoop'
    return toy_runner(
        tmp_path,
        model=copy.deepcopy(model),
        train_dataloader=None,
        train_cfg=None,
        optim_wrapper=None,
        param_scheduler=None,
        custom_hooks=[dict(type='KeepOutputsHook')],
        **{
            f'{mode}_dataloader': loader,
            f'{mode}_evaluator': evaluator or dict(type='BoxPCK'),
            f'{mode}_cfg': dict(type=loop_type, **loop)
        })


def hook_of(runner):
    return next(h for h in runner.hooks if isinstance(h, KeepOutputsHook))


@pytest.mark.parametrize('mode', ['val', 'test'])
def test_scores_of_all(tmp_path, mode):
    runner = build(tmp_path, mode)
    metrics = getattr(runner, mode)()
    assert metrics['PCK@0.05'] == 1 and metrics['PCK@0.2'] == 1
    assert metrics['net1/PCK@0.1'] == 0 and metrics['net1/PCK@0.2'] == 1
    assert metrics['ensemble/PCK@0.05'] == 0
    assert metrics['ensemble/PCK@0.1'] == 1
    assert list(metrics)[:4] == ['PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC']
    assert len(metrics) == 12
    assert hook_of(runner).metrics == [metrics]
    # one pass, five samples in batches of two, in eval mode
    assert [c[0] for c in runner.model.calls] == [2, 2, 1]
    assert not any(any(c[1:]) for c in runner.model.calls)


@pytest.mark.parametrize('mode', ['val', 'test'])
@pytest.mark.parametrize('network, offset', [(1, 15), ('ensemble', 9)])
def test_selected_network(tmp_path, mode, network, offset):
    runner = build(tmp_path, mode, dict(MODEL, test_cfg=dict(network=network)))
    metrics = getattr(runner, mode)()
    assert metrics['PCK@0.1'] == float(offset < 10)
    assert metrics['net0/PCK@0.05'] == 1
    assert 'net1/AUC' not in metrics or network == 'ensemble'
    outputs = hook_of(runner).outputs
    assert len(outputs) == 5
    shift = outputs[0].pred_instances.keypoints - keypoints(0)
    assert np.allclose(shift[..., 0], offset)
    evaluator = getattr(runner, f'{mode}_evaluator')
    assert evaluator.dataset_meta['dataset_name'] == 'coco'


TAUGHT = dict(MODEL, teachers=dict(ema0=7, snap1=11))


@pytest.mark.parametrize('mode', ['val', 'test'])
@pytest.mark.parametrize('selected, networks, names', [
    (0, None, ['net0', 'net1', 'ema0', 'ensemble']),
    (1, ['net0', 'snap1'], ['net1', 'net0', 'snap1']),
    ('ema0', [], ['ema0', 'net0', 'net1', 'ensemble']),
    ('snap1', ['snap1'], ['snap1']),
])
def test_networks_that_are_scored(tmp_path, mode, selected, networks, names):
    """Those that are asked for, and the selected one, which is plain."""
    model = dict(TAUGHT, test_cfg=dict(network=selected))
    runner = build(tmp_path, mode, model, networks=networks)
    metrics = getattr(runner, mode)()
    assert getattr(runner, f'{mode}_evaluator').names == names
    found = [key[:-len('AUC')] for key in metrics if key.endswith('AUC')]
    assert found == [''] + [f'{name}/' for name in names[1:]]
    offsets = dict(net0=3, net1=15, ema0=7, snap1=11, ensemble=9)
    for prefix, name in zip(found, names):
        assert metrics[f'{prefix}PCK@0.1'] == float(offsets[name] < 10), name
    if mode == 'val':
        noted = runner.message_hub.get_info('semipose_scores')['networks']
        assert set(noted) == set(names)
        assert all('AUC' in row for row in noted.values())


@pytest.mark.parametrize('model, networks, message', [
    (TAUGHT, ['net0', 'ema1'],
     r"val_cfg.networks is \['net0', 'ema1'\], but must be a list of names "
     'in net0, net1, ema0, snap1, ensemble'),
    (dict(type='ToyStock'), ['net0'],
     'val_cfg.networks is .* ToyStock is one network'),
])
def test_networks_that_are_not_there(tmp_path, model, networks, message):
    with pytest.raises(ValueError, match=message):
        build(tmp_path, 'val', model, networks=networks).val()


def test_a_teacher_with_the_name_of_metrics(tmp_path):
    evaluator = dict(type='BoxPCK', prefix='own')
    model = dict(MODEL, teachers=dict(own=1))
    with pytest.raises(ValueError, match="the name 'own'.*BoxPCK begin"):
        build(tmp_path, 'val', model, evaluator).val()


def test_one_network(tmp_path):
    metrics = build(tmp_path, 'val', dict(MODEL, offsets=[3])).val()
    assert list(metrics) == ['PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC']


@pytest.mark.parametrize('mode', ['val', 'test'])
def test_stock_model(tmp_path, mode):
    runner = build(tmp_path, mode, dict(type='ToyStock'))
    metrics = getattr(runner, mode)()
    assert list(metrics) == ['PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC']
    assert metrics['PCK@0.05'] == 1
    assert len(hook_of(runner).outputs) == 5


def test_half_precision(tmp_path):
    runner = build(tmp_path, 'val', fp16=True)
    runner.val()
    if get_device() == 'cpu':
        assert all(c[3] for c in runner.model.calls)


def test_dumped_predictions(tmp_path):
    path = str(tmp_path / 'pred.pkl')
    evaluator = [
        dict(type='BoxPCK'),
        dict(type='DumpResults', out_file_path=path)
    ]
    build(tmp_path, 'test', evaluator=evaluator).test()
    for name, offset in (('', 3), ('_net1', 15), ('_ensemble', 9)):
        results = mmengine.load(path.replace('.pkl', f'{name}.pkl'))
        assert [r['img_id'] for r in results] == [0, 1, 2, 3, 4]
        shift = results[4]['pred_instances']['keypoints'] - keypoints(4)
        assert np.allclose(shift[..., 0], offset)


def test_coco_metric(tmp_path):
    ann_file = str(tmp_path / 'ann.json')
    annotations = [
        dict(
            id=i,
            image_id=i,
            category_id=1,
            iscrowd=0,
            num_keypoints=NUM_KEYPOINTS,
            area=10000.,
            bbox=[i, i, 100, 100],
            keypoints=np.insert(keypoints(i)[0], 2, 2, -1).ravel().tolist())
        for i in range(5)
    ]
    with open(ann_file, 'w') as file:
        json.dump(
            dict(
                images=[
                    dict(id=i, file_name=f'{i}.jpg', height=120, width=120)
                    for i in range(5)
                ],
                annotations=annotations,
                categories=[dict(id=1, name='person')]), file)
    evaluator = dict(
        type='CocoMetric',
        ann_file=ann_file,
        outfile_prefix=str(tmp_path / 'coco'))
    model = dict(MODEL, offsets=[0, 16])
    metrics = build(tmp_path, 'val', model, evaluator).val()
    assert metrics['coco/AP'] == pytest.approx(1)
    assert metrics['net1/coco/AP'] < metrics['ensemble/coco/AP'] < 1
    results = [
        mmengine.load(str(tmp_path / f'coco{name}.keypoints.json'))
        for name in ('', '_net1', '_ensemble')
    ]
    assert [r[0]['keypoints'][0] for r in results] == [10, 26, 18]


def test_built_evaluator(tmp_path):
    from mmengine.evaluator import Evaluator
    evaluator = Evaluator(dict(type='BoxPCK'))
    metrics = build(tmp_path, 'val', evaluator=evaluator).val()
    assert metrics['PCK@0.05'] == 1 and metrics['net1/PCK@0.1'] == 0
