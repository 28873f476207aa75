# Copyright (c) semipose_mm authors.
"""Losses reach the message hub at log intervals, and none is lost."""
import pytest
import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from toy_runner import toy_runner

from semipose_mm.checkpoint.plain_checkpoint import restore
from semipose_mm.engine import DeferredRuntimeInfoHook


@HOOKS.register_module()
class HistoryHook(Hook):
    """Notes how many losses the message hub has after each iteration."""

    priority = 'LOWEST'

    def __init__(self):
        self.lengths = []

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        scalars = runner.message_hub.log_scalars
        self.lengths.append(
            len(scalars['train/loss'].data[0]) if 'train/loss' in
            scalars else 0)


def run(work_dir, kind, interval, save=100):
    saving = dict(type='SafeCheckpointHook', interval=save, by_epoch=False)
    runner = toy_runner(
        work_dir,
        hooks=[dict(type='HistoryHook')],
        default_hooks=dict(
            runtime_info=dict(type=kind),
            logger=dict(type='LoggerHook', interval=interval),
            checkpoint=saving))
    runner.train()
    lengths = next(
        h.lengths for h in runner.hooks if isinstance(h, HistoryHook))
    return runner, lengths


@pytest.mark.parametrize('interval', [1, 3, 5, 100])
def test_the_history_is_that_of_the_stock_hook(tmp_path, interval):
    histories = []
    for kind in ('RuntimeInfoHook', 'DeferredRuntimeInfoHook'):
        runner, lengths = run(tmp_path / kind, kind, interval)
        histories.append(
            runner.message_hub.log_scalars['train/loss'].data[0].tolist())
    assert histories[0] == histories[1]
    assert len(histories[0]) == 12
    # epochs have 4 iterations
    told = [
        n if n % interval == 0 or n % 4 == 0 or
        (n - 1) % 4 % interval == interval - 1 else 0 for n in range(1, 13)
    ]
    assert lengths == [max(told[:i + 1]) for i in range(12)]


def test_checkpoints_have_the_whole_history(tmp_path):
    runner, _ = run(tmp_path, 'DeferredRuntimeInfoHook', 100, save=3)
    saved = torch.load(tmp_path / 'iter_3.pth', weights_only=True)
    restore(saved)
    history = saved['message_hub']['log_scalars']['train/loss']
    assert len(history.data[0]) == 3


def test_numbers_that_are_no_tensors(tmp_path):
    runner, _ = run(tmp_path, 'DeferredRuntimeInfoHook', 100)
    hook = next(
        h for h in runner.hooks if isinstance(h, DeferredRuntimeInfoHook))
    hook.after_train_iter(
        runner, 3, outputs=dict(loss=torch.tensor(2.), epe=3.))
    scalars = runner.message_hub.log_scalars
    assert scalars['train/loss'].current() == 2
    assert scalars['train/epe'].current() == 3


def test_graphs_are_not_kept(tmp_path):
    runner, _ = run(tmp_path, 'DeferredRuntimeInfoHook', 100)
    hook = next(
        h for h in runner.hooks if isinstance(h, DeferredRuntimeInfoHook))
    hook._interval = 7
    loss = torch.ones(1, requires_grad=True).sum()
    hook.after_train_iter(runner, 0, outputs=dict(loss=loss))
    kept, = hook._kept
    assert kept['loss'].grad_fn is None


def test_the_stage_ends_with_the_training(tmp_path):
    runner, _ = run(tmp_path, 'DeferredRuntimeInfoHook', 100)
    assert 'loop_stage' not in runner.message_hub.runtime_info
