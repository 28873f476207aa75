# Copyright (c) semipose_mm authors.
"""Tests of the count of passes."""
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from semipose_mm import config_path
from semipose_mm.analysis.compute import step_compute, training_compute

ROOT = Path(__file__).resolve().parents[2]
#: Names in docs/methods.md of what is no list of methods.py.
NAMES = dict(
    supervised='supervised',
    PoseCons='posecons',
    PoseDual=None,
    labels_then_ema='labels_then_ema')


def documented():
    """Method to the passes of a pair that docs/methods.md states."""
    text = (ROOT / 'docs/methods.md').read_text()
    table = text[text.index('passes of a pair |'):].split('\n\n')[0]
    rows = [line.strip('|').split('|') for line in table.splitlines()[2:]]
    passes, last = dict(), None
    for name, *_, number in rows:
        name = name.strip().strip('`')
        last = f'{last}, full' if name.startswith('the same') else name
        passes[last] = int(number)
    return passes


def names(file):
    return Config.fromfile(config_path(f'_base_/{file}.py'))


def recipe(method, monkeypatch):
    """``model`` of a method."""
    base = names('posedual')
    if method == 'distillation':
        return dict(base.posedual, **names('methods').distillation)
    if method in NAMES:
        return dict(base.posedual, **base.get(NAMES[method], {}))
    method, full, _ = re.split('(, full|$)', method, maxsplit=1)
    monkeypatch.setenv('SEMIPOSE_METHOD', method)
    own = names('methods')
    return dict(base.posedual, **(own.method_full if full else own.method))


@pytest.mark.parametrize('method, passes', documented().items())
def test_recipes(monkeypatch, method, passes):
    """The pages count in forward passes, of which one here has three."""
    model = recipe(method, monkeypatch)
    assert step_compute(model).teaching == pytest.approx(passes / 3)
    # only labels: the networks
    networks = 1 + len(model['peers'])
    assert step_compute(model).alone == networks
    assert step_compute(model, 0) == (networks, networks)


def test_the_table_is_whole():
    assert set(documented()) == {
        'supervised', 'PoseCons', 'PoseDual', 'labels_then_ema',
        'multiaugs_single', 'multiaugs_single, full', 'multiaugs',
        'multiaugs, full', 'sspcm', 'mean_teacher', 'scarcenet_like',
        'pseudo_hms_like', 'distillation'
    }


def test_a_share_of_the_training():
    base = names('posedual')
    compute = step_compute(dict(base.posedual, **base.labels_then_ema))
    assert compute.mean(0.5) == pytest.approx(5 / 3)


@pytest.mark.parametrize('change, ratio, passes', [
    (dict(), 2, 2 + 2 * 8 / 3),
    (dict(teacher_pass=dict(type='FlippedPass')), 1, 2 + 2 + 4 / 3),
    (dict(teacher_pass=dict(type='MultiViewPass')), 1, 2 + 2 + 4 / 3),
    (dict(teacher_pass=dict(type='MultiViewPass', num=5)), 1, 2 + 2 + 10 / 3),
    (dict(labeled_views=[dict(ops=[])] * 3), 1, 6 + 2 + 2 / 3),
    (dict(views=[dict(ops=[])] * 4), 1, 2 + 8 + 2 / 3),
    (dict(
        views=[dict(ops=[])] * 4,
        routes=[
            dict(student=0, teachers=[1], views=[0]),
            dict(student=1, teachers=[0, 'ema0'])
        ]), 1, 2 + 5 + 1),
])
def test_parts(change, ratio, passes):
    model = dict(names('posedual').posedual, **change)
    assert step_compute(model, ratio).teaching == pytest.approx(passes)


def test_a_stock_model():
    assert step_compute(dict(type='TopdownPoseEstimator')) == (1, 1)


def config(burn_in, **train_cfg):
    return dict(
        model=names('posedual').posedual,
        train_dataloader=dict(batch_size=8, dataset=dict()),
        custom_hooks=[dict(type='EMAHook'),
                      dict(burn_in=burn_in)],
        train_cfg=train_cfg)


@pytest.mark.parametrize('cfg', [
    config(40, max_iters=100),
    config(0.4, max_iters=100),
    config(40, max_epochs=10),
    config(0.4, max_epochs=10)
])
def test_burn_in(cfg):
    """Labels count alone: 40 of 100 iterations."""
    found = [training_compute(cfg, i, epoch=10) for i in (0, 40, 100)]
    assert found == [0, 8 * 80, pytest.approx(8 * (80 + 60 * 14 / 3))]


def test_burn_in_that_waits():
    cfg = config('auto', max_iters=100)
    assert training_compute(cfg, 100) == 8 * 200
    assert training_compute(
        cfg, 100, began=40) == pytest.approx(8 * (80 + 60 * 14 / 3))


def test_what_is_not_known():
    assert training_compute(config(0.4, max_epochs=10), 5) is None
    assert training_compute(dict(config(0), train_dataloader=None), 5) is None
    assert training_compute(dict(config(0), model=None), 5) is None
    # the ratio of unlabeled images is that of the data
    cfg = config(0)
    cfg['train_dataloader']['dataset']['unlabeled_ratio'] = 0
    assert training_compute(cfg, 5) == 8 * 5 * 2
