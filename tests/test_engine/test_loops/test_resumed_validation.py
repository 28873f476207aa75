# Copyright (c) semipose_mm authors.
"""Tests of validations that are interrupted or given up."""
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from people_toys import own_config
from toy_runner import Killed

EPOCHS = dict(type='SemiPoseTrainLoop', max_epochs=2, val_interval=1)
ITERS = dict(type='SemiPoseIterTrainLoop', max_iters=4, val_interval=2)


class Interrupt(Hook):
    """Does something in the second validation."""

    def __init__(self, what):
        self.what = what

    def after_val_iter(self, runner, batch_idx, **kwargs):
        if runner.iter == 4 and batch_idx == 1:
            if self.what == 'kill':
                raise Killed
            runner.train_loop.stop_training = True


def run(root, work_dir, loop, name, hook=None, **overrides):
    """Train with two validations, the second one interrupted by a hook."""
    cfg = own_config(
        root, work_dir, **overrides, **{
            'train_cfg':
            dict(loop, _delete_=True),
            'val_dataloader.batch_size':
            1,
            'val_evaluator':
            dict(_delete_=True, type='BoxPCK'),
            'default_hooks.checkpoint':
            dict(
                interval=2 if 'max_iters' in loop else 1,
                by_epoch='max_iters' not in loop,
                save_best='PCK@0.1'),
            'resume':
            True
        })
    cfg.experiment_name = cfg.visualizer.name = name
    runner = Runner.from_cfg(cfg)
    if hook is not None:
        runner.register_hook(hook)
    try:
        runner.train()
    except Killed:
        pass
    return runner


def test_what_hooks_began_is_ended(people_root, tmp_path, no_yapf,
                                   monkeypatch):
    """EMAHook exchanges weights before a validation, and back after it."""
    monkeypatch.setattr('semipose_mm.engine.loops.eval_loops.STOP_INTERVAL', 1)

    class Watch(Interrupt):
        priority = 'VERY_HIGH'

        def before_val(self, runner):
            self.weights = next(runner.model.backbone.parameters()).clone()

    hook = Watch('stop')
    runner = run(
        people_root,
        tmp_path,
        ITERS,
        'ema',
        hook,
        custom_hooks=[dict(type='EMAHook', momentum=0.5)])
    weights = next(runner.model.backbone.parameters())
    assert runner.iter == 4
    assert torch.equal(weights, hook.weights)


def scores(runner):
    return runner.message_hub.runtime_info.get('semipose_scores')


@pytest.mark.parametrize('what', ['kill', 'stop'])
@pytest.mark.parametrize('loop', [EPOCHS, ITERS], ids=['epochs', 'iters'])
def test_it_is_made_up_for(people_root, tmp_path, no_yapf, monkeypatch, loop,
                           what):
    monkeypatch.setattr('semipose_mm.engine.loops.eval_loops.STOP_INTERVAL', 1)
    whole = run(people_root, tmp_path / 'whole', loop, f'{what}whole')
    assert scores(whole)['iteration'] == 4
    cut = tmp_path / 'cut'
    first = run(people_root, cut, loop, f'{what}cut', Interrupt(what))
    assert scores(first)['iteration'] == 2 and first.iter == 4
    again = run(people_root, cut, loop, f'{what}again')
    assert again.iter == 4
    assert scores(again) == scores(whole)
    # and once only
    third = run(people_root, cut, loop, f'{what}third', Interrupt('kill'))
    assert scores(third) == scores(whole)
    best = {p.name for p in cut.glob('best*.pth')}
    assert best == {p.name for p in (tmp_path / 'whole').glob('best*.pth')}
