# Copyright (c) semipose_mm authors.
"""Tests of trainings that two processes share, over gloo on CPU."""
import os
import os.path as osp
import subprocess
import sys

import pytest
import torch
from scenarios import SCENARIOS, train

pytestmark = pytest.mark.long


@pytest.fixture(scope='module')
def runs(people_root, tmp_path_factory):
    """All scenarios: name -> rank -> what it saw, and the folder."""
    folder = tmp_path_factory.mktemp('distributed')
    env = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    done = subprocess.run([
        sys.executable, '-m', 'torch.distributed.run', '--standalone',
        '--nproc_per_node=2',
        osp.join(osp.dirname(__file__), 'scenarios.py'),
        str(people_root),
        str(folder), *SCENARIOS
    ],
                          env=env,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          text=True,
                          timeout=500)
    assert done.returncode == 0, done.stdout[-5000:]
    seen = {
        name: [
            torch.load(folder / name / f'rank{i}.pth', weights_only=False)
            for i in range(2)
        ]
        for name in SCENARIOS
    }
    return seen, folder


def assert_same(one, other, exact=True):
    assert list(one) == list(other)
    for key, value in one.items():
        if exact:
            assert torch.equal(value, other[key]), key
        else:
            torch.testing.assert_close(
                value, other[key], rtol=1e-4, atol=1e-6, msg=key)


def saved(folder, name, iteration):
    return torch.load(
        folder / name / f'iter_{iteration}.pth', weights_only=True)


@pytest.mark.parametrize('name',
                         [n for n in SCENARIOS if 'not_saved' not in n])
def test_all_ranks_have_the_same_parameters_and_statistics(runs, name):
    one, other = (run[-1] for run in runs[0][name])
    assert one['iteration'] == other['iteration'] == 8
    assert_same(one['state'], other['state'])
    assert any(key.startswith('peers.1.') for key in one['state'])
    assert one['unused'] is other['unused'] is False
    # they have seen other samples
    assert one['items'] != other['items']


def test_as_one_process_with_the_doubled_batch(runs, people_root, tmp_path,
                                               no_yapf):
    one = train(str(people_root), tmp_path, 4, {}, **SCENARIOS['frozen'])
    shared = [run[0] for run in runs[0]['frozen']]
    for whole, *parts in zip(one['items'], *(run['items'] for run in shared)):
        assert sorted(whole[1]) == sorted(parts[0][1] + parts[1][1])
    start = train(
        str(people_root),
        tmp_path / 'start',
        4, {},
        hooks=[dict(type='KillHook', iteration=1)],
        overrides=SCENARIOS['frozen']['overrides'])['state']
    moved = max((v - start[k]).abs().max() for k, v in one['state'].items())
    assert moved > 1e-3
    assert_same(one['state'], shared[0]['state'], exact=False)


def test_running_statistics_are_averaged_for_a_checkpoint(runs):
    seen, folder = runs
    before = [run[0]['buffers'][3] for run in seen['whole']]
    checkpoint = saved(folder, 'whole', 3)['state_dict']
    differ = 0
    for key, value in before[0].items():
        if key.endswith(('running_mean', 'running_var')):
            mean = (value + before[1][key]) / 2
            differ += not torch.equal(value, before[1][key])
            assert torch.equal(checkpoint[key], mean), key
    assert differ > 10


def test_teachers_are_the_same_on_all_ranks(runs):
    """Their weights after every step, and all that they save."""
    one, other = (run[0] for run in runs[0]['taught'])
    weights = [
        key.replace('peers.1.', 'teachers.snap1.') for key in one['state']
        if key.startswith('peers.1.') and key.endswith(('weight', 'bias'))
    ]
    weights += [key.replace('snap1', 'ema0') for key in weights]
    assert len(weights) > 100
    for step, buffers in one['buffers'].items():
        for key in weights:
            assert torch.equal(buffers[key], other['buffers'][step][key]), key
    # while each has statistics of its own in between
    key = 'teachers.ema0.backbone.bn1.running_mean'
    assert not torch.equal(one['buffers'][5][key], other['buffers'][5][key])
    assert_same(one['state'], other['state'])
    for key in weights:
        student = key.replace('teachers.snap1',
                              'peers.1').replace('teachers.ema0.', '')
        assert not torch.equal(one['state'][key], one['state'][student]), key
    assert any(key.startswith('teachers.ema0.') for key in one['state'])


def test_a_teacher_that_stays_is_the_same_on_all_ranks(runs):
    """From the first step that it teaches, running statistics included."""
    one, other = (run[0]['buffers'] for run in runs[0]['taught'])
    keys = [
        key for key in one[2]
        if key.startswith('teachers.stays0') and 'num_batches' not in key
    ]
    assert any(not torch.equal(one[2][key], other[2][key]) for key in keys)
    for step in range(3, 9):
        for key in keys:
            assert torch.equal(one[step][key], other[step][key]), key
            assert torch.equal(one[step][key], one[3][key]), key


@pytest.mark.parametrize('killed, whole', [('killed', 'whole'),
                                           ('killed_taught', 'taught'),
                                           ('killed_at_end', 'whole_by_4')])
def test_resume_is_exact(runs, killed, whole):
    seen, folder = runs
    for rank in range(2):
        first, second = seen[killed][rank]
        reference, = seen[whole][rank]
        assert 'Killed' in first['error']
        start = second['items'][0][0]
        assert start == (4 if killed == 'killed_at_end' else 3)
        assert second['items'] == reference['items'][start:]
        assert_same(second['state'], reference['state'])
        for number, entry in reference['optimizer'].items():
            assert_same(second['optimizer'][number], entry)


def test_a_stop_on_one_rank(runs):
    """Both leave after the same iteration, and what is saved goes on."""
    seen, folder = runs
    for (first, second), (reference, ) in zip(seen['stopped'], seen['whole']):
        assert first['iteration'] == 4 and not first['error']
        assert second['items'][0][0] == first['iteration']
        assert second['items'] == reference['items'][first['iteration']:]


def test_labels_without_a_visible_joint_on_one_rank(runs):
    seen, _ = runs
    for run in seen['no_labels']:
        assert not run[0]['error']
    assert any(not torch.equal(v, seen['whole'][0][0]['state'][k])
               for k, v in seen['no_labels'][0][0]['state'].items())


def test_a_loss_that_is_not_finite_on_one_rank(runs):
    """The step is skipped on both, with its statistics."""
    seen, _ = runs
    for rank, (run, ) in enumerate(seen['not_finite']):
        assert not run['error']
        before, after = run['buffers'][4], run['buffers'][5]
        for key, value in before.items():
            if not key.endswith('unsup_weight'):
                assert torch.equal(value, after[key]), (rank, key)
        assert all(v.isfinite().all() for v in run['state'].values())


def test_a_checkpoint_that_is_not_saved_ends_all_ranks(runs):
    for run, in runs[0]['not_saved']:
        assert 'holds values that are not finite' in run['error']
        assert run['iteration'] == 2
    assert not list((runs[1] / 'not_saved').glob('iter_*.pth'))


def test_validations_between(runs):
    """They average statistics, and scores are the same on all ranks."""
    seen, folder = runs
    one, other = (run[0]['scores'] for run in seen['validated'])
    assert one == other and one['iteration'] == 8
    record = saved(folder, 'validated', 8)['meta']['semipose']
    assert record['scores'] == one
    assert len(list((folder / 'validated').glob('best_*.pth'))) == 1


def test_a_best_checkpoint_that_is_not_saved_ends_all_ranks(runs):
    for run, in runs[0]['best_not_saved']:
        assert 'the best checkpoint is not saved' in run['error']
        assert run['iteration'] == 4
