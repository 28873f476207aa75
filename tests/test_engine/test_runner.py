# Copyright (c) semipose_mm authors.
"""Tests of the runner: short logs, configs that stay, weights not needed."""
import pytest
import torch
from people_toys import own_config

from semipose_mm.engine import SemiPoseRunner
from semipose_mm.errors import RunError
from semipose_mm.models.initial_weights import drop_initial_weights

NAME = 'own.py'


def runner_of(people_root, work_dir, weights=None, **overrides):
    """A runner of a training of two iterations."""
    cfg = own_config(people_root, work_dir, **overrides)
    if weights is not None:
        cfg.model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=str(weights))
    # as if it had been read from there
    object.__setattr__(cfg, '_filename', f'/somewhere/{NAME}')
    return SemiPoseRunner.from_cfg(cfg)


def test_the_config_is_written_when_the_training_begins(
        people_root, tmp_path, no_yapf):
    (tmp_path / NAME).write_text('former')
    runner_of(people_root, tmp_path)
    failing = runner_of(people_root, tmp_path, weights=tmp_path / 'none.pth')
    with pytest.raises(RunError, match='none.pth does not exist'):
        failing.train()
    assert (tmp_path / NAME).read_text() == 'former'
    runner_of(people_root, tmp_path).train()
    assert 'SemiPoseEstimator' in (tmp_path / NAME).read_text()


def test_a_test_leaves_the_config_of_the_training(people_root, tmp_path,
                                                  no_yapf):
    (tmp_path / NAME).write_text('former')
    runner_of(people_root, tmp_path).test()
    assert (tmp_path / NAME).read_text() == 'former'
    runner_of(people_root, tmp_path / 'new').test()
    assert 'SemiPoseEstimator' in (tmp_path / 'new' / NAME).read_text()


def test_the_first_iteration_comes_soon(people_root, tmp_path, no_yapf):
    """The log is short; what it lacks is in a file beside it."""
    runner_of(people_root, tmp_path, log_level='INFO').train()
    log, = tmp_path.glob('*/*.log')
    lines = log.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if 'Epoch(train)' in line)
    # of which the command adds a few
    assert first < 40
    assert not any('deprecated' in line for line in lines)
    environment, = tmp_path.glob('*/environment.txt')
    text = environment.read_text()
    assert str(environment) in log.read_text()
    for part in ('Python: ', 'seed: 0', 'before_train_iter', 'LoggerHook'):
        assert part in text


@pytest.mark.parametrize('how', [
    dict(resume='auto'),
    dict(resume=True),
    dict(resume=True, load_from='{}/epoch_1.pth')
])
def test_a_resumed_training_needs_no_initial_weights(people_root, tmp_path,
                                                     no_yapf, how):
    weights = tmp_path / 'weights.pth'
    plain = runner_of(people_root, tmp_path / 'plain')
    torch.save(plain.model.backbone.state_dict(), weights)
    runner_of(people_root, tmp_path / 'run', weights=weights).train()
    weights.unlink()
    how = {
        key:
        str(value).format(tmp_path / 'run') if key == 'load_from' else value
        for key, value in how.items()
    }
    again = runner_of(
        people_root,
        tmp_path / 'run',
        weights=weights,
        **{'train_cfg.max_epochs': 2},
        **how)
    again.train()
    assert again.iter == 4
    # the config names them still
    assert 'weights.pth' in (tmp_path / 'run' / NAME).read_text()


@pytest.mark.parametrize('resume', ['auto', True])
def test_nothing_to_resume_needs_them(people_root, tmp_path, no_yapf, resume):
    runner = runner_of(
        people_root, tmp_path, weights=tmp_path / 'none.pth', resume=resume)
    with pytest.raises(RunError, match='none.pth does not exist'):
        runner.train()


def test_other_initializations_stay():
    model = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(3))
    normal = dict(type='Normal', layer='Linear')
    pretrained = dict(type='Pretrained', checkpoint='none.pth')
    for module, init in zip(model, (normal, pretrained, [normal, pretrained])):
        module.init_cfg = init
    drop_initial_weights(model)
    assert [m.init_cfg for m in model] == [normal, None, [normal]]
