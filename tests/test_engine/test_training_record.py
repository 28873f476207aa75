# Copyright (c) semipose_mm authors.
"""Tests of what training checkpoints tell about their networks."""
import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS, MODELS
from toy_poses import ToyNetworks
from toy_runner import toy_config, toy_runner

import semipose_mm

# errors of net0 and net1, in per cent of the box, after each epoch
COURSE = [[15, 3], [3, 15], [15, 15], [15, 9]]


@MODELS.register_module()
class ToyTrainedNetworks(ToyNetworks):
    """The same, with a loss."""

    def forward(self, inputs, data_samples, mode):
        if mode == 'loss':
            return dict(loss=self.scale.square().sum())
        return super().forward(inputs, data_samples, mode)


@HOOKS.register_module()
class CourseHook(Hook):
    """Lets networks become better and worse."""

    def __init__(self, iters):
        self.iters = iters

    def before_val_epoch(self, runner):
        runner.model.offsets = COURSE[runner.iter // self.iters - 1]


def run(work_dir,
        epochs,
        save_best=None,
        network=0,
        by_epoch=True,
        teachers=dict(),
        **kwargs):
    """Train and validate; returns what each checkpoint tells."""
    loader = dict(
        batch_size=2,
        num_workers=0,
        dataset=dict(type='ToyPoseDataset'),
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='pseudo_collate'))
    checkpoint = dict(type='SafeCheckpointHook', interval=1, by_epoch=by_epoch)
    if save_best:
        checkpoint.update(save_best=save_best, rule='greater')
    cfg = toy_config(
        work_dir, [dict(type='CourseHook', iters=3 if by_epoch else 1)],
        model=dict(
            type='ToyTrainedNetworks',
            offsets=[0, 0],
            teachers=teachers,
            test_cfg=dict(network=network)),
        train_dataloader=loader,
        param_scheduler=None,
        val_dataloader=loader,
        val_evaluator=dict(type='BoxPCK'),
        val_cfg=dict(type='SemiPoseValLoop'),
        default_hooks=dict(checkpoint=checkpoint),
        **kwargs)
    # an epoch has three iterations
    cfg['train_cfg'] = dict(
        type='EpochBasedTrainLoop', max_epochs=epochs,
        val_interval=1) if by_epoch else dict(
            type='IterBasedTrainLoop', max_iters=epochs, val_interval=1)
    name = f'record{np.random.SeedSequence().entropy}'
    Runner(experiment_name=name, **cfg).train()
    return told(work_dir)


def told(work_dir):
    return {
        path.name: torch.load(path, weights_only=True)['meta'].get('semipose')
        for path in work_dir.glob('*.pth')
    }


def fine(networks):
    """PCK@0.05 of each network."""
    return {name: row['PCK@0.05'] for name, row in networks.items()}


def test_scores_of_the_last_and_the_best_validation(tmp_path):
    records = run(tmp_path, 3, 'PCK@0.05')
    assert set(records) == {
        'epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth',
        'best_PCK@0.05_epoch_2.pth'
    }
    last = records['epoch_3.pth']
    assert last['version'] == semipose_mm.__version__
    assert (last['num_networks'], last['network']) == (2, 'net0')
    assert last['teachers'] == []
    assert last['save_best'] == {'PCK@0.05': 'net0'}
    # each checkpoint has the scores of its own weights, not of those before
    for epoch, scores in enumerate([(0, 1, 0), (1, 0, 0), (0, 0, 0)], 1):
        own = records[f'epoch_{epoch}.pth']['scores']
        assert (own['epoch'], own['iteration']) == (epoch, 3 * epoch)
        assert fine(own['networks']) == dict(
            zip(('net0', 'net1', 'ensemble'), scores))
    best = last['best']['PCK@0.05']
    assert (best['score'], best['iteration']) == (1, 6)
    assert fine(best['networks']) == dict(net0=1, net1=0, ensemble=0)
    assert records['best_PCK@0.05_epoch_2.pth']['best'] == last['best']
    assert records['best_PCK@0.05_epoch_2.pth']['scores']['iteration'] == 6


def test_trainings_that_count_iterations(tmp_path):
    records = run(tmp_path, 3, 'PCK@0.05', by_epoch=False)
    assert records['iter_3.pth']['scores']['iteration'] == 3
    assert records['iter_3.pth']['best']['PCK@0.05']['iteration'] == 2
    assert records['best_PCK@0.05_iter_2.pth']['scores']['iteration'] == 2


def test_survives_a_resume(tmp_path):
    before = run(tmp_path, 3, 'PCK@0.05')['epoch_3.pth']
    after = run(tmp_path, 4, 'PCK@0.05', resume=True)['epoch_4.pth']
    assert after['best'] == before['best']
    assert after['scores']['iteration'] == 12
    assert after['scores']['networks']['net1']['PCK@0.1'] == 1


def test_another_training_starts_anew(tmp_path):
    run(tmp_path / 'first', 2, 'PCK@0.05')
    path = str(tmp_path / 'first' / 'epoch_2.pth')
    record = run(tmp_path / 'second', 1, load_from=path)['epoch_1.pth']
    assert record['best'] == {} and record['save_best'] == {}
    assert record['scores']['iteration'] == 3


@pytest.mark.parametrize('network, key, followed', [
    (1, 'PCK@0.05', 'net1'),
    (0, 'net1/PCK@0.05', 'net1'),
    ('ensemble', 'PCK@0.1', 'ensemble'),
])
def test_whose_score_is_followed(tmp_path, network, key, followed):
    record = run(tmp_path, 1, key, network)['epoch_1.pth']
    assert record['save_best'] == {key: followed}
    best = record['best'][key]
    assert best['score'] == best['networks'][followed][key.split('/')[-1]] == 1


@pytest.mark.parametrize('network, key', [('ema0', 'PCK@0.05'),
                                          (0, 'ema0/PCK@0.05')])
def test_the_score_of_a_teacher_is_followed(tmp_path, network, key):
    record = run(tmp_path, 1, key, network, teachers=dict(ema0=3))
    record = record['epoch_1.pth']
    assert record['save_best'] == {key: 'ema0'}
    assert record['teachers'] == ['ema0']
    assert record['best'][key]['networks']['ema0']['PCK@0.05'] == 1
    assert list(
        record['scores']['networks']) == ['net0', 'net1', 'ema0', 'ensemble']


def test_several_keys(tmp_path):
    record = run(tmp_path, 3, ['PCK@0.05', 'net1/PCK@0.05'])['epoch_3.pth']
    assert {
        k: v['iteration']
        for k, v in record['best'].items()
    } == {
        'PCK@0.05': 6,
        'net1/PCK@0.05': 3
    }


def test_before_the_first_validation(tmp_path):
    runner = toy_runner(
        tmp_path,
        model=dict(type='ToyNetworks', offsets=[3, 15]),
        train_dataloader=None,
        train_cfg=None,
        optim_wrapper=None,
        param_scheduler=None)
    hook = next(
        h for h in runner.hooks if type(h).__name__ == 'SafeCheckpointHook')
    checkpoint = dict(state_dict={})
    hook.before_save_checkpoint(runner, checkpoint)
    assert checkpoint['meta']['semipose']['scores'] is None


def test_models_of_another_kind(tmp_path):
    runner = toy_runner(tmp_path)
    runner.train()
    assert set(told(tmp_path).values()) == {None}
