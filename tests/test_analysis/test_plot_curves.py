# Copyright (c) semipose_mm authors.
"""Tests of the curves of losses and metrics."""
import json
from importlib import import_module

import cv2
import pytest
from toy_tools import run_command


@pytest.fixture
def curves(monkeypatch):
    return import_module('semipose_mm.analysis.plot_curves')


def write_log(work_dir, stamp, entries):
    folder = work_dir / stamp / 'vis_data'
    folder.mkdir(parents=True)
    text = ''.join(json.dumps(entry) + '\n' for entry in entries)
    (folder / f'{stamp}.json').write_text(text)
    # MMEngine writes the same lines here
    (folder / 'scalars.json').write_text(text)


def step(iteration, loss, time=2.):
    return dict(iter=iteration, loss=loss, time=time, data_time=0.1, epoch=1)


@pytest.fixture
def run(tmp_path):
    """Cut off after iteration 30 and resumed from 20."""
    folder = tmp_path / 'first'
    write_log(folder, '20260101_100000', [
        step(10, 0.9),
        step(20, 0.8),
        dict(AUC=0.1, step=1),
        step(30, 0.7),
    ])
    write_log(folder, '20260102_100000', [
        step(30, 0.75, time=3.),
        step(40, 0.6, time=3.),
        dict(AUC=0.3, data_time=0.1, time=0.5, step=2),
    ])
    return folder


def test_through_a_resume(curves, run):
    found = curves.read_curves(str(run))
    assert [p['iter'] for p in found['train']] == [10, 20, 30, 40]
    # what was trained last counts, time goes on
    assert [p['loss'] for p in found['train']] == [0.9, 0.8, 0.75, 0.6]
    assert [p['seconds'] for p in found['train']] == [20, 40, 60, 90]
    assert [(p['iter'], p['seconds'], p['AUC'])
            for p in found['val']] == [(20, 40, 0.1), (40, 90, 0.3)]
    assert curves.last_metrics(str(run)) == dict(AUC=0.3)


def test_iterations_before_an_evaluation(curves, tmp_path):
    """A run that counts iterations evaluates between entries of training."""
    write_log(tmp_path / 'run', '20260101_100000', [
        step(10, 0.9),
        dict(AUC=0.1, step=15),
        step(20, 0.8, time=4.),
        dict(AUC=0.2, step=23)
    ])
    found = curves.read_curves(str(tmp_path / 'run'))
    assert [p['seconds'] for p in found['train']] == [20, 50]
    assert [(p['iter'], p['seconds']) for p in found['val']] == [(15, 30),
                                                                 (23, 62)]


def test_a_real_run(curves, trained):
    found = curves.read_curves(trained.work_dir)
    assert [p['iter'] for p in found['train']] == [1, 2]
    assert found['train'][1]['seconds'] > found['train'][0]['seconds'] > 0
    metrics = curves.last_metrics(trained.work_dir)
    assert {'PCK@0.2', 'net1/PCK@0.2', 'ensemble/PCK@0.2',
            'coco/AP'} <= set(metrics)
    assert not {'time', 'data_time', 'iter', 'step', 'seconds'} & set(metrics)


def test_picture(curves, run, trained, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'curves.png'
    run_command('plot curves', f'{run}/', trained.work_dir, '--keys', 'loss',
                'AUC', '--out', out)
    assert f'{out} is written' in capsys.readouterr().out
    assert cv2.imread(str(out)).shape == (350, 900, 3)


def test_lines_of_a_picture(curves, run, trained, tmp_path, monkeypatch):
    """A key takes its points from training or from evaluation."""
    drawn = []
    from matplotlib.axes import Axes
    real = Axes.plot

    def plot(self, x, y, **kwargs):
        drawn.append((kwargs['label'], list(x), list(y)))
        return real(self, x, y, **kwargs)

    monkeypatch.setattr(Axes, 'plot', plot)
    curves.plot({'a': str(run)}, ['loss', 'AUC'], str(tmp_path / 'a.png'))
    assert drawn == [('a', [10, 20, 30, 40], [0.9, 0.8, 0.75, 0.6]),
                     ('a', [20, 40], [0.1, 0.3])]


def test_no_run(tmp_path, refused):
    assert 'is no work folder of a training' in refused(
        'plot curves', tmp_path)


def test_not_evaluated_yet(curves, tmp_path):
    write_log(tmp_path, '20260101_100000', [step(10, 0.9)])
    with pytest.raises(ValueError, match='has not been evaluated yet'):
        curves.last_metrics(str(tmp_path))


def test_a_line_that_is_being_written(curves, tmp_path):
    write_log(tmp_path, '20260101_100000', [step(10, 0.9), step(20, 0.8)])
    log, = (tmp_path / '20260101_100000' / 'vis_data').glob('2*.json')
    with open(log, 'a') as file:
        file.write('{"iter": 30, "lo')
    found = curves.read_curves(str(tmp_path))
    assert [p['iter'] for p in found['train']] == [10, 20]
