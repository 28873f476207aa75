# Copyright (c) semipose_mm authors.
"""Tests of what the report says about the costs of a training."""
import pytest
import torch
from make_config_toys import MOBILENET
from own_toys import draw, frames, labels, make, save

from semipose_mm.cli import main
from semipose_mm.config_maker import timing
from semipose_mm.config_maker.check import check_config
from semipose_mm.data_files import WARNING, Findings


@pytest.fixture(scope='module')
def birds(tmp_path_factory):
    """What a config needs: six labels, six unlabeled images."""
    folder = tmp_path_factory.mktemp('birds')
    draw(folder / 'images', frames(6))
    draw(folder / 'unl', [f'u{name}' for name in frames(6)])
    return dict(
        labeled=save(folder / 'labels.json', labels(frames(6))),
        unlabeled=str(folder / 'unl'))


@pytest.fixture(scope='module')
def built(birds, tmp_path_factory):
    made = make(tmp_path_factory.mktemp('built') / 'out.py', **birds)
    return check_config(made.config)


@pytest.mark.parametrize('passes, alone, minutes, expected', [
    (1_234_567., 500_000., None, [
        'compute: 1.2 million passes of an image forward and backward, 2.5 '
        'times those of labels alone'
    ]),
    (9600., 9600., 61.4, [
        'compute: 9,600 passes of an image forward and backward, 1.0 times '
        'those of labels alone',
        'time: about 61 minutes on this machine, measured on 8 training '
        'steps, without validation and the reading of images'
    ]),
])
def test_lines(passes, alone, minutes, expected):
    assert list(timing.Costs(passes, alone, minutes, 8).lines()) == expected


def test_the_command_measures(birds, tmp_path, monkeypatch, capsys):
    seen = []
    measure = timing.measure_steps

    def few(built):
        before = sorted(tmp_path.rglob('*'))
        seen.append(measure(built, 4))
        assert sorted(tmp_path.rglob('*')) == before
        return seen[-1]

    monkeypatch.setattr(timing, 'measure_steps', few)
    out = tmp_path / 'out.py'
    main([
        'config', '--base', MOBILENET, '--labeled', birds['labeled'],
        '--unlabeled', birds['unlabeled'], '--input-size', '64', '64',
        '--iterations', '6000', '--out',
        str(out)
    ])
    [times] = seen
    # two of each kind, the first of which is not counted
    assert times.steps == 2
    assert 0 < times.alone < times.teaching
    said = capsys.readouterr().out.splitlines()
    # 4 labels: labels alone, then a student and a third for its teacher
    compute, = (one for one in said if one.startswith('compute: '))
    assert compute.startswith('compute: 32,000 passes') and '1.3 times' in \
        compute
    minutes = max(1, round(75 * times.alone + 25 * times.teaching))
    assert f'time: about {minutes:,} minutes on this machine, measured on 2 ' \
        'training steps, ' in '\n'.join(said)


def test_no_measurement(birds, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, 'measure_steps', None)
    made = make(tmp_path / 'out.py', **birds)
    told = list(made.lines())
    assert any(one.startswith('compute: ') for one in told)
    assert not any(one.startswith('time: ') for one in told)


@pytest.mark.parametrize('error, found', [
    (torch.cuda.OutOfMemoryError('CUDA out of memory. Tried'), True),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
    (MemoryError(), True),
    (ValueError('something else'), False),
])
def test_a_step_that_fails(built, monkeypatch, error, found):

    def fail(built):
        raise error

    monkeypatch.setattr(timing, 'measure_steps', fail)
    findings = Findings()
    costs = timing.training_costs(built, 2, True, findings)
    line, = findings.lines(WARNING)
    assert ('train_dataloader.batch_size is 4, but' in line) == found
    assert ('fails: something else' in line) != found
    assert costs.minutes is None and costs.passes > 0


class Clock:
    """A clock that a step moves on."""

    def __init__(self):
        self.now = 0.

    def perf_counter(self):
        return self.now


@pytest.mark.parametrize(
    'durations, expected',
    [
        # warm-up, four of each kind
        (dict(alone=1., teaching=2.), (1., 2., 8)),
        # half of the time for each kind
        (dict(alone=10., teaching=12.), (10., 12., 2)),
        (dict(alone=20., teaching=50.), (20., 50., 2)),
        # no time is left: two passes and a third instead of one
        (dict(alone=60.), (60., 60. * 7 / 3, 1)),
    ])
def test_steps_and_seconds(built, monkeypatch, durations, expected):
    clock = Clock()
    first = set()

    def train_step(*args):
        kind = 'teaching' if built.model.teaching_enabled else 'alone'
        clock.now += durations[kind]
        if kind not in first and durations[kind] < 5:
            clock.now += 3  # the first one warms up
        first.add(kind)

    monkeypatch.setattr(timing, 'time', clock)
    monkeypatch.setattr(built.model, 'train_step', train_step)
    times = timing.measure_steps(built)
    assert times == pytest.approx(expected)


def test_labels_alone(birds, tmp_path):
    made = make(tmp_path / 'out.py', labeled=birds['labeled'], iterations=100)
    assert made.costs.passes == made.costs.labels_alone == 400
    built = check_config(made.config)
    times = timing.measure_steps(built, 2)
    assert times.alone == times.teaching and times.steps == 1
    findings = Findings()
    costs = timing.training_costs(built, 0, False, findings)
    assert costs == made.costs and not findings.count(WARNING)
