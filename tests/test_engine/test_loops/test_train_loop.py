# Copyright (c) semipose_mm authors.
"""Tests of resuming and stopping inside an epoch."""
import pytest
import torch
from toy_runner import Killed, recorded, toy_runner

RECORD = dict(type='RecordHook')


def killed(work_dir, iteration, **kwargs):
    """A run that is killed after an iteration, with its checkpoint."""
    runner = toy_runner(
        work_dir, [RECORD, dict(type='KillHook', iteration=iteration)],
        **kwargs)
    with pytest.raises(Killed):
        runner.train()
    return recorded(runner)


def assert_same_state(new, old):
    """Weights, buffers, optimizer and schedulers are equal to the bit."""
    for key, value in old.model.state_dict().items():
        assert torch.equal(new.model.state_dict()[key], value), key
    states = [r.optim_wrapper.optimizer.state_dict() for r in (new, old)]
    assert states[0]['param_groups'] == states[1]['param_groups']
    for number, state in states[1]['state'].items():
        for key, value in state.items():
            assert torch.equal(states[0]['state'][number][key], value)
    for one, other in zip(new.param_schedulers, old.param_schedulers):
        assert one.state_dict() == other.state_dict()


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """The run that nothing interrupts."""
    runner = toy_runner(tmp_path_factory.mktemp('whole'), [RECORD])
    runner.train()
    return runner


def test_whole_run(whole):
    batches = recorded(whole).batches
    assert [b[:2] for b in batches] == [(i, i % 4) for i in range(12)]
    for epoch in range(3):
        items = [
            i for _, _, items in batches[4 * epoch:4 * epoch + 4]
            for i in items
        ]
        assert sorted(items) == list(range(11))


# inside the first and a later epoch, and at an epoch's last iteration
@pytest.mark.parametrize('iteration', [1, 6, 8, 11, 12])
def test_resume_is_exact(tmp_path, whole, iteration):
    first = killed(tmp_path, iteration)
    runner = toy_runner(tmp_path, [RECORD], resume=True)
    runner.train()
    record = recorded(runner)
    assert first.batches + record.batches == recorded(whole).batches
    assert first.epochs + record.epochs == [0, 1, 2]
    assert (runner.iter, runner.epoch) == (12, 3)
    assert_same_state(runner, whole)


def test_resume_with_persistent_workers(tmp_path, whole):
    loader = dict(num_workers=1, persistent_workers=True)
    killed(tmp_path, 6, train_dataloader=loader)
    runner = toy_runner(
        tmp_path, [RECORD], resume=True, train_dataloader=loader)
    runner.train()
    assert recorded(runner).batches == recorded(whole).batches[6:]
    assert_same_state(runner, whole)


def test_resume_takes_the_seed_of_the_checkpoint(tmp_path, whole):
    killed(tmp_path, 6)
    runner = toy_runner(
        tmp_path, [RECORD], resume=True, randomness=dict(seed=None))
    runner.train()
    assert recorded(runner).batches == recorded(whole).batches[6:]
    assert_same_state(runner, whole)


def test_stock_loop_would_replay(tmp_path, whole):
    killed(tmp_path, 6)
    runner = toy_runner(
        tmp_path, [RECORD],
        resume=True,
        train_cfg=dict(type='EpochBasedTrainLoop'))
    runner.train()
    assert recorded(runner).batches != recorded(whole).batches[6:]


def test_resume_of_a_finished_run(tmp_path):
    toy_runner(tmp_path).train()
    runner = toy_runner(tmp_path, [RECORD], resume=True)
    # the last checkpoint is of iteration 12, whose epoch is open
    runner.train()
    assert recorded(runner).batches == []
    assert (runner.epoch, runner.iter) == (3, 12)

    hooks = dict(checkpoint=dict(type='SafeCheckpointHook', interval=1))
    other = tmp_path / 'by_epoch'
    toy_runner(other, default_hooks=hooks).train()
    runner = toy_runner(other, [RECORD], resume=True, default_hooks=hooks)
    runner.train()
    assert recorded(runner).batches == recorded(runner).epochs == []
    assert (runner.epoch, runner.iter) == (3, 12)


def test_longer_training_on_resume(tmp_path):
    killed(tmp_path, 6)
    runner = toy_runner(
        tmp_path, [RECORD], resume=True, train_cfg=dict(max_epochs=4))
    runner.train()
    assert [b[0] for b in recorded(runner).batches] == list(range(6, 16))


@pytest.mark.parametrize('loader, length', [
    (dict(batch_size=5), 3),
    (dict(dataset=dict(type='ToyDataset', length=13)), 5),
])
@pytest.mark.parametrize('iteration', [1, 8, 11])
def test_changed_data(tmp_path, loader, length, iteration):
    killed(tmp_path, iteration)
    runner = toy_runner(tmp_path, resume=True, train_dataloader=loader)
    with pytest.raises(RuntimeError) as info:
        runner.train()
    message = str(info.value)
    assert f'iteration {iteration}' in message
    assert 'of 4 iterations each' in message
    assert f'{length} iterations an epoch' in message


def test_samplers_that_cannot_skip(tmp_path):
    loader = dict(sampler=dict(type='DefaultSampler', shuffle=True))
    killed(tmp_path, 6, train_dataloader=loader)
    runner = toy_runner(tmp_path, resume=True, train_dataloader=loader)
    with pytest.raises(RuntimeError, match='DefaultSampler.*SemiPoseSampler'):
        runner.train()


def test_stock_sampler_at_the_end_of_an_epoch(tmp_path):
    loader = dict(sampler=dict(type='DefaultSampler', shuffle=True))
    reference = toy_runner(
        tmp_path / 'whole', [RECORD], train_dataloader=loader)
    reference.train()
    killed(tmp_path, 8, train_dataloader=loader)
    runner = toy_runner(
        tmp_path, [RECORD],
        resume=True,
        train_dataloader=loader,
        randomness=dict(seed=None))
    runner.train()
    assert recorded(runner).batches == recorded(reference).batches[8:]
    assert_same_state(runner, reference)


def test_stop_inside_an_epoch(tmp_path):
    runner = toy_runner(tmp_path, [RECORD, dict(type='StopHook', iteration=5)])
    runner.train()
    record = recorded(runner)
    assert [b[0] for b in record.batches] == list(range(6))
    assert record.epochs == [0]
    assert (runner.epoch, runner.iter) == (1, 6)


def test_stop_at_the_end_of_an_epoch(tmp_path):
    runner = toy_runner(tmp_path, [RECORD, dict(type='StopHook', iteration=7)])
    runner.train()
    assert recorded(runner).epochs == [0, 1]


class Double:
    """A pipeline step that is easily recognized."""

    def __call__(self, results):
        return dict(values=results['values'] * 2)


def test_pipeline_switch_hook(tmp_path):
    switch = dict(
        type='mmdet.PipelineSwitchHook',
        switch_epoch=1,
        switch_pipeline=[Double()])

    def run(work_dir, hooks, **kwargs):
        runner = toy_runner(work_dir, [RECORD, switch, *hooks], **kwargs)
        try:
            runner.train()
        except Killed:
            pass
        return runner

    reference = run(tmp_path / 'whole', [])
    assert reference.train_dataloader.dataset.pipeline is not None
    run(tmp_path, [dict(type='KillHook', iteration=6)])
    resumed = run(tmp_path, [], resume=True)
    assert_same_state(resumed, reference)


def test_histories_are_bounded(tmp_path, monkeypatch, whole):
    monkeypatch.setattr('semipose_mm.engine.loops.train_loop._HISTORY', 5)
    runner = toy_runner(tmp_path, [RECORD])
    runner.train()
    history = runner.message_hub.get_scalar('train/loss')
    full = whole.message_hub.get_scalar('train/loss').data[0]
    assert len(full) == 12
    assert list(history.data[0]) == list(full[-5:])
    assert_same_state(runner, whole)
