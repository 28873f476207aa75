# Copyright (c) semipose_mm authors.
"""Tests of checkpoints that outlive a run's troubles, and of stopping."""
import os
import shutil
import zipfile

import pytest
import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from test_train_loop import RECORD, assert_same_state
from toy_runner import Killed, recorded, toy_runner

from semipose_mm.engine import CheckpointError, StopOnRequestHook

SAVE_ALL = dict(type='SafeCheckpointHook', interval=1, by_epoch=False)


def names(folder):
    return sorted(p.name for p in folder.glob('*iter_*'))


def runner_with(work_dir, hooks=(), checkpoint=None, **kwargs):
    """A toy run whose warnings and lines are kept."""
    runner = toy_runner(
        work_dir, [RECORD, *hooks],
        default_hooks=dict(checkpoint=dict(SAVE_ALL, **(checkpoint or {}))),
        **kwargs)
    lines = []
    runner.logger.warning = runner.logger.info = lines.append
    return runner, lines


# ----------------------------------------------------------------- resuming


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole')
    runner, _ = runner_with(folder)
    runner.train()
    return folder, runner


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    """In the weights, where torch does not look."""
    with zipfile.ZipFile(path) as archive:
        entry = next(i for i in archive.infolist() if '/data/' in i.filename)
    data = bytearray(path.read_bytes())
    start = entry.header_offset
    lengths = data[start + 26:start + 28], data[start + 28:start + 30]
    data[start + 30 + sum(int.from_bytes(n, 'little') for n in lengths)] ^= 1
    path.write_bytes(data)


def empty(path):
    path.write_bytes(b'')


def page(path):
    path.write_text('<html>404</html>')


@pytest.mark.parametrize('spoil', [truncate, flip_a_byte, empty, page])
def test_a_torn_file_is_passed_over(whole, tmp_path, spoil):
    for name in ('iter_7.pth', 'iter_8.pth', 'last_checkpoint'):
        shutil.copy2(whole[0] / name, tmp_path / name)
    spoil(tmp_path / 'iter_8.pth')
    runner, lines = runner_with(tmp_path, resume=True)
    runner.train()
    assert recorded(runner).batches[0][0] == 7
    told = [line for line in lines if 'passed over' in line]
    assert len(told) == 1 and 'iter_8.pth' in told[0]
    assert f'Resuming from {tmp_path}/iter_7.pth.' in lines
    assert_same_state(runner, whole[1])


def test_other_files_in_the_folder(whole, tmp_path):
    shutil.copy2(whole[0] / 'iter_7.pth', tmp_path)
    shutil.copy2(whole[0] / 'iter_8.pth', tmp_path / 'best_AP_iter_8.pth')
    torch.save(dict(state_dict={}), tmp_path / 'net0-12345678.pth')
    unfinished = tmp_path / f'.part-{"0" * 32}.iter_9.pth'
    unfinished.write_bytes(b'half')
    (tmp_path / 'last_checkpoint').write_text('/no/such/iter_9.pth')
    runner, _ = runner_with(tmp_path, resume=True)
    runner.train()
    assert recorded(runner).batches[0][0] == 7
    assert not unfinished.exists()


def test_the_last_one_is_that_of_the_most_iterations(whole, tmp_path):
    """Copies may have been made in any order."""
    for number in (7, 6):
        shutil.copy(whole[0] / f'iter_{number}.pth', tmp_path)
    runner, _ = runner_with(tmp_path, resume=True)
    runner.train()
    assert recorded(runner).batches[0][0] == 7


def test_checkpoints_in_another_folder(whole, tmp_path):
    run, store = tmp_path / 'run', tmp_path / 'store'
    run.mkdir()
    torch.save(dict(state_dict={}), run / 'weights.pth')
    saving = dict(out_dir=str(store))
    first, _ = runner_with(
        run, [dict(type='KillHook', iteration=6)], checkpoint=saving)
    with pytest.raises(Killed):
        first.train()
    (run / 'last_checkpoint').write_text('')
    again, _ = runner_with(run, checkpoint=saving, resume=True)
    again.train()
    assert recorded(again).batches[0][0] == 6
    assert names(store / 'run')[-1] == 'iter_9.pth'


@HOOKS.register_module()
class KillBeforeRemovalHook(Hook):
    """Ends a run between a new checkpoint and the removal of the old."""

    def before_train(self, runner):
        hook = next(h for h in runner.hooks if hasattr(h, 'save_best'))
        save = runner.save_checkpoint

        def save_and_die(*args, **kwargs):
            save(*args, **kwargs)
            if runner.iter == 5:
                raise Killed

        assert hook.max_keep_ckpts == 1
        runner.save_checkpoint = save_and_die


def test_a_removal_is_made_up_for(tmp_path):
    saving = dict(max_keep_ckpts=1)
    runner, _ = runner_with(
        tmp_path, [dict(type='KillBeforeRemovalHook')], checkpoint=saving)
    with pytest.raises(Killed):
        runner.train()
    assert names(tmp_path) == ['iter_5.pth', 'iter_6.pth']
    again, _ = runner_with(tmp_path, checkpoint=saving, resume=True)
    again.train()
    assert names(tmp_path) == ['iter_12.pth']


@pytest.mark.parametrize('resume', [True, 'auto'])
def test_nothing_to_resume(tmp_path, resume):
    runner, lines = runner_with(tmp_path, resume=resume)
    runner.train()
    assert any('Nothing to resume' in line for line in lines)
    assert runner._resume is False
    assert recorded(runner).batches[0][0] == 0


def test_automatic_resume_prefers_the_run_to_initial_weights(whole, tmp_path):
    weights = whole[0] / 'iter_12.pth'
    first, _ = runner_with(
        tmp_path, [dict(type='KillHook', iteration=3)],
        resume='auto',
        load_from=str(weights))
    with pytest.raises(Killed):
        first.train()
    assert recorded(first).batches[0][0] == 0
    again, lines = runner_with(tmp_path, resume='auto', load_from=str(weights))
    again.train()
    assert recorded(again).batches[0][0] == 3
    assert f'Resuming from {tmp_path}/iter_3.pth.' in lines


# ------------------------------------------------------------------- saving


@HOOKS.register_module()
class FailingWriteHook(Hook):
    """Fills the disk, or spoils the weights, before a checkpoint."""

    def __init__(self, iteration, folder=None):
        self.iteration, self.folder = iteration, folder

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        if runner.iter + 1 != self.iteration:
            return
        if self.folder is None:
            runner.model.head.weight.data[0, 0] = float('nan')
        else:
            path = os.path.join(self.folder, 'filling')
            with open(path, 'wb', buffering=0) as file:
                try:
                    while True:
                        file.write(b'0' * 4096)
                except OSError:
                    pass


def test_nothing_that_is_not_finite_is_saved(tmp_path):
    runner, _ = runner_with(tmp_path,
                            [dict(type='FailingWriteHook', iteration=5)])
    with pytest.raises(CheckpointError) as info:
        runner.train()
    assert 'iter_5.pth is not saved' in str(info.value)
    assert 'head.weight holds values that are not finite' in str(info.value)
    assert names(tmp_path) == [f'iter_{i}.pth' for i in range(1, 5)]


@pytest.fixture
def small_disk(mounted):
    """A file system with room for a few checkpoints."""
    return mounted('size=1m')


@pytest.mark.parametrize('keep', [1, 2])
def test_full_disk(small_disk, tmp_path, keep):
    runner, _ = runner_with(
        tmp_path / 'run',
        [dict(type='FailingWriteHook', iteration=5, folder=str(small_disk))],
        checkpoint=dict(out_dir=str(small_disk), max_keep_ckpts=keep))
    with pytest.raises(CheckpointError, match='No space left'):
        runner.train()
    left = small_disk / 'run'
    assert names(left) == [f'iter_{i}.pth' for i in range(5 - keep, 5)]
    (small_disk / 'filling').unlink()
    again, _ = runner_with(
        tmp_path / 'run',
        checkpoint=dict(out_dir=str(small_disk), max_keep_ckpts=keep),
        resume=True)
    again.train()
    assert recorded(again).batches[0][0] == 4


@HOOKS.register_module()
class KeptFilesHook(Hook):
    """Notes which checkpoints there are while one is written."""

    def __init__(self):
        self.seen = []

    def before_save_checkpoint(self, runner, checkpoint):
        folder = runner.work_dir
        self.seen.append(
            sorted(n for n in os.listdir(folder) if n.endswith('.pth')))


def test_the_former_one_goes_after_the_next_is_whole(tmp_path):
    runner, _ = runner_with(
        tmp_path, [dict(type='KeptFilesHook')],
        checkpoint=dict(max_keep_ckpts=1))
    runner.train()
    seen = next(h for h in runner.hooks if isinstance(h, KeptFilesHook)).seen
    assert seen == [[]] + [[f'iter_{i}.pth'] for i in range(1, 12)]
    assert names(tmp_path) == ['iter_12.pth']


# ----------------------------------------------------------------- stopping


@pytest.mark.parametrize('by_epoch', [False, True])
def test_stopped_where_it_stands(whole, tmp_path, by_epoch):
    saving = dict(interval=3, by_epoch=by_epoch, max_keep_ckpts=1)
    runner, lines = runner_with(
        tmp_path, [dict(type='StopHook', iteration=4)], checkpoint=saving)
    runner.train()
    assert 'Training is stopped after iteration 5 of 12.' in lines
    assert names(tmp_path) == ['iter_5.pth']
    pointer = (tmp_path / 'last_checkpoint').read_text()
    assert pointer == f'{tmp_path}/iter_5.pth'
    again, _ = runner_with(tmp_path, checkpoint=saving, resume=True)
    again.train()
    assert recorded(again).batches[0][0] == 5
    assert_same_state(again, whole[1])
    # that of the stop has gone, too
    left = [p.name for p in tmp_path.glob('*.pth')]
    assert left == ['epoch_3.pth' if by_epoch else 'iter_12.pth']


def test_two_stops_in_an_epoch(tmp_path):
    saving = dict(interval=3, by_epoch=True, max_keep_ckpts=1)
    for iteration in (0, 1):
        runner, _ = runner_with(
            tmp_path, [dict(type='StopHook', iteration=iteration)],
            checkpoint=saving,
            resume=True)
        runner.train()
        assert names(tmp_path) == [f'iter_{iteration + 1}.pth']


def test_request_from_outside(tmp_path):
    asked = []

    class Ask(Hook):

        def after_train_iter(self, runner, *args, **kwargs):
            if runner.iter == 6:
                asked.append('SIGUSR1')

    runner, lines = runner_with(tmp_path)
    runner.register_hook(Ask())
    runner.register_hook(
        StopOnRequestHook(lambda: asked[0] if asked else None))
    runner.train()
    assert runner.iter == 7
    assert len([line for line in lines if 'SIGUSR1 asks' in line]) == 1


def test_a_finished_run_is_not_called_stopped(tmp_path):
    runner, lines = runner_with(tmp_path,
                                [dict(type='StopHook', iteration=11)])
    runner.train()
    assert runner.iter == 12
    assert not [line for line in lines if 'is stopped' in line]


# ----------------------------------------------- what cannot be gone on from


def test_nothing_is_overwritten_that_cannot_be_read(whole, tmp_path):
    shutil.copy2(whole[0] / 'iter_7.pth', tmp_path)
    truncate(tmp_path / 'iter_7.pth')
    before = (tmp_path / 'iter_7.pth').read_bytes()
    runner, _ = runner_with(tmp_path, resume=True)
    with pytest.raises(CheckpointError, match='can be read'):
        runner.train()
    assert (tmp_path / 'iter_7.pth').read_bytes() == before


@pytest.mark.parametrize('keep', [('state_dict', ), ('state_dict', 'meta')])
def test_weights_alone(whole, tmp_path, keep):
    state = torch.load(whole[0] / 'iter_7.pth', weights_only=True)
    path = tmp_path / 'best_AP_iter_7.pth'
    torch.save({key: state[key] for key in keep}, path)
    runner, _ = runner_with(tmp_path, resume=True, load_from=str(path))
    with pytest.raises(CheckpointError, match='best_AP_iter_7.pth.*load_from'):
        runner.train()
