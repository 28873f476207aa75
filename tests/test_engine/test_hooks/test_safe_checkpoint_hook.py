# Copyright (c) semipose_mm authors.
"""Tests of checkpoints that every torch loads safely."""
import os.path as osp
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmpose.registry import HOOKS
from toy_runner import toy_runner

LOAD = """
import sys, torch
sys.modules['semipose_mm'] = None
checkpoint = torch.load(sys.argv[1], weights_only=True)
assert 'numpy' not in str(type(checkpoint['meta']['dataset_meta']['sigmas']))
assert sorted(checkpoint) == ['message_hub', 'meta', 'optimizer',
                              'param_schedulers', 'state_dict'], checkpoint
"""


@pytest.fixture(scope='module')
def checkpoint_file(tmp_path_factory):
    """The checkpoint of a run with validation scores and odd entries."""
    work_dir = tmp_path_factory.mktemp('run')
    runner = toy_runner(work_dir)
    runner.message_hub.update_scalar('val/AP', np.float64(0.5))
    runner.message_hub.update_info('array', np.arange(3))
    runner.train()
    return str(work_dir / 'iter_12.pth')


def test_safe_loading_without_the_plugin(checkpoint_file, tmp_path):
    subprocess.run([sys.executable, '-I', '-c', LOAD, checkpoint_file],
                   cwd=tmp_path,
                   check=True)


def test_contents(checkpoint_file):
    checkpoint = torch.load(checkpoint_file, weights_only=True)
    meta = checkpoint['meta']['dataset_meta']
    assert meta == dict(
        dataset_name='toy',
        sigmas=np.array([0.1, 0.7], dtype=np.float32).tolist(),
        flip_pairs=[(0, 1)])
    hub = checkpoint['message_hub']
    assert hub['log_scalars']['train/loss']['__plain__'] == 'HistoryBuffer'
    assert 'anneal_func' not in checkpoint['param_schedulers'][2]


def test_restored_on_resume(checkpoint_file, tmp_path):
    runner = toy_runner(tmp_path, resume=True, load_from=checkpoint_file)
    warnings = []
    runner.logger.warning = warnings.append
    runner.train()
    hub = runner.message_hub
    assert type(hub.get_scalar('train/loss')) is HistoryBuffer
    assert len(hub.get_scalar('train/loss').data[0]) == 12
    assert hub.get_scalar('val/AP').current() == 0.5
    assert np.array_equal(hub.get_info('array'), np.arange(3))
    assert not [text for text in warnings if 'metainfo' in text]


def test_another_dataset_is_still_noticed(checkpoint_file, tmp_path):
    runner = toy_runner(tmp_path, resume=True, load_from=checkpoint_file)
    runner.train_dataloader.dataset.info['dataset_name'] = 'other'
    warnings = []
    runner.logger.warning = warnings.append
    runner.train()
    assert [text for text in warnings if 'dataset metainfo' in text]


def test_resume_with_stock_mmengine(checkpoint_file, tmp_path):
    runner = toy_runner(
        tmp_path,
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=False)),
        resume=True,
        load_from=checkpoint_file)
    runner.train()
    assert (runner.epoch, runner.iter) == (3, 12)


def test_foreign_files_are_left_alone(tmp_path):
    path = str(tmp_path / 'foreign.pth')
    runner = toy_runner(tmp_path)
    state = runner.model.state_dict()
    torch.save(dict(state_dict=state, meta=dict(CLASSES=('a', ))), path)
    runner.load_checkpoint(path, strict=True)
    torch.save(state, path)
    runner.load_checkpoint(path, strict=True)


@HOOKS.register_module()
class OddEntriesHook(Hook):
    """Puts into checkpoints what has no plain form."""

    def before_train(self, runner):
        runner.message_hub.update_info('odd', runner_free_object)

    def before_save_checkpoint(self, runner, checkpoint):
        checkpoint['own'] = np.arange(2)
        checkpoint['meta']['own'] = np.float32(0.5)


def runner_free_object():
    """A function in the message hub."""


def test_odd_entries(tmp_path):
    runner = toy_runner(tmp_path, [dict(type='OddEntriesHook')])
    warnings = []
    runner.logger.warning = warnings.append
    runner.train()
    odd = [text for text in warnings if 'odd' in text]
    assert len(odd) == 1 and 'left out' in odd[0]
    path = str(tmp_path / 'iter_12.pth')
    checkpoint = torch.load(path, weights_only=True)
    assert 'odd' not in checkpoint['message_hub']['runtime_info']
    loaded = runner.load_checkpoint(path)
    assert np.array_equal(loaded['own'], np.arange(2))
    assert loaded['meta']['own'] == np.float32(0.5)


@HOOKS.register_module()
class UnsafeHook(Hook):
    """Puts an object beside the usual entries."""

    def before_save_checkpoint(self, runner, checkpoint):
        checkpoint['unsafe'] = slice(1, 2)


def test_objects_of_others_are_saved_with_a_warning(tmp_path):
    runner = toy_runner(tmp_path, [dict(type='UnsafeHook')])
    warnings = []
    runner.logger.warning = warnings.append
    runner.train()
    told = [text for text in warnings if "checkpoint['unsafe']" in text]
    assert len(told) == 1 and 'weights_only=False' in told[0]
    path = osp.join(tmp_path, 'iter_12.pth')
    assert torch.load(path, weights_only=False)['unsafe'] == slice(1, 2)


def test_comes_last():
    from semipose_mm.engine import SafeCheckpointHook
    assert SafeCheckpointHook.priority == 'LOWEST'
