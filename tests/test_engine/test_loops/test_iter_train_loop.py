# Copyright (c) semipose_mm authors.
"""Tests of the loop that counts iterations."""
import pytest
import torch
from mmengine.runner import BaseLoop
from test_train_loop import RECORD, assert_same_state
from toy_runner import Killed, recorded, toy_runner

#: Two epochs of 4 batches and half of a third one.
TEN = dict(type='SemiPoseIterTrainLoop', max_iters=10, val_interval=3)


class Validation(BaseLoop):
    """Keeps when it was run, and leaves the model as a validation does."""

    def __init__(self, runner):
        self._runner, self.seen = runner, []

    def run(self):
        self.seen.append(self.runner.iter)
        assert self.runner.model.training
        self.runner.model.eval()


def iter_runner(work_dir, hooks=(), **kwargs):
    cfg = dict(train_cfg=dict(TEN, max_epochs=None), param_scheduler=[])
    cfg.update(kwargs)
    runner = toy_runner(work_dir, [RECORD, *hooks], **cfg)
    runner._train_loop.pop('max_epochs')
    runner._val_loop = Validation(runner)
    return runner


def test_length_and_validation(tmp_path):
    runner = iter_runner(tmp_path)
    runner.train()
    assert [b[0] for b in recorded(runner).batches] == list(range(10))
    assert recorded(runner).epochs == [0, 1, 2]
    assert (runner.iter, runner.max_iters) == (10, 10)
    assert (runner.epoch, runner.max_epochs) == (3, 3)
    assert runner.val_loop.seen == [3, 6, 9, 10]
    # the same items as by epochs
    other = toy_runner(tmp_path / 'epochs', [RECORD], param_scheduler=[])
    other.train()
    assert recorded(other).batches[:10] == recorded(runner).batches


def test_length_does_not_depend_on_the_unlabeled_set(tmp_path):
    for length in (5, 32, 101):
        runner = iter_runner(
            tmp_path / str(length),
            train_dataloader=dict(
                dataset=dict(type='ToyDataset', length=length)))
        runner.train()
        assert runner.iter == 10


def test_begin_of_validation(tmp_path):
    runner = iter_runner(
        tmp_path, train_cfg=dict(TEN, max_epochs=None, val_begin=7))
    runner.train()
    assert runner.val_loop.seen == [9, 10]


@pytest.mark.parametrize('iteration', [1, 4, 6, 9])
def test_resume_is_exact(tmp_path, iteration):
    whole = iter_runner(tmp_path / 'whole')
    whole.train()
    first = iter_runner(tmp_path, [dict(type='KillHook', iteration=iteration)])
    with pytest.raises(Killed):
        first.train()
    runner = iter_runner(tmp_path, resume=True)
    runner.train()
    assert recorded(first).batches + recorded(runner).batches == \
        recorded(whole).batches
    assert_same_state(runner, whole)
    assert runner.val_loop.seen == [i for i in (3, 6, 9, 10) if i >= iteration]


def test_resume_of_a_finished_run(tmp_path):
    iter_runner(tmp_path).train()
    runner = iter_runner(tmp_path, resume=True)
    runner.train()
    assert recorded(runner).batches == [] and runner.iter == 10
    # the checkpoint does not know of its validation
    assert runner.val_loop.seen == [10]


def test_last_checkpoint(tmp_path):
    """Saved at the end, whatever the interval."""
    runner = iter_runner(
        tmp_path,
        default_hooks=dict(
            checkpoint=dict(
                type='SafeCheckpointHook', interval=4, by_epoch=False)))
    runner.train()
    names = {p.name for p in tmp_path.glob('*.pth')}
    assert names == {'iter_4.pth', 'iter_8.pth', 'iter_10.pth'}
    state = torch.load(tmp_path / 'iter_10.pth', weights_only=True)
    assert state['meta']['iter'] == 10


@pytest.mark.parametrize('key, value', [('max_iters', 0), ('max_iters', 1.5),
                                        ('val_interval', 0),
                                        ('val_begin', -1)])
def test_mistakes(tmp_path, key, value):
    runner = iter_runner(
        tmp_path, train_cfg=dict(TEN, max_epochs=None, **{key: value}))
    with pytest.raises(ValueError, match=f'train_cfg.{key} is {value}'):
        runner.train()
