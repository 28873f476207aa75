# Copyright (c) semipose_mm authors.
"""Tests of the example in projects/collapse."""
import copy
import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from toys import BASE, build_batch, build_model

from semipose_mm.engine.collapse_alarm import CollapseAlarm
from semipose_mm.engine.statistics import teaching_statistics
from semipose_mm.models import HardAffine
from semipose_mm.structures import CodecGeometry

PROJECT = Path(__file__).parents[2] / 'projects' / 'collapse'
VIEW = dict(source='easy')
CUT = dict(source='easy', ops=[dict(type='JointCutout')])
PAIR = dict(
    routes=[dict(student=0, teachers=[0])],
    views=[VIEW, VIEW],
    warp=dict(type='HardAffine'))


@pytest.fixture(scope='module', autouse=True)
def project():
    """The project's module, from where run.py lets configs find it."""
    sys.path.insert(0, str(PROJECT))
    yield importlib.import_module('collapsing_estimator')
    sys.path.remove(str(PROJECT))


@pytest.fixture(scope='module')
def run_script():
    spec = importlib.util.spec_from_file_location('collapse_run',
                                                  PROJECT / 'run.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(name):
    """The toy model as the class of that name, with the same weights."""
    model = MODELS.build(copy.deepcopy(dict(BASE, type=name, **PAIR)))
    model.load_state_dict(build_model(**PAIR).state_dict())
    return model


def term_gradients(model):
    """Size of the gradients of both unlabeled terms by both hard passes."""
    heatmaps, terms = [], []
    model.head.register_forward_hook(
        lambda module, args, output: heatmaps.append(output))
    model.head.loss_module.register_forward_hook(
        lambda module, args, output: terms.append(output))
    model.loss(*build_batch())
    hard = [x for x in heatmaps if x.requires_grad][1:]  # 0: labeled
    sizes = []
    for term in terms[1:]:
        grads = torch.autograd.grad(
            term, hard, retain_graph=True, allow_unused=True)
        sizes.append(
            [0. if g is None else g.abs().sum().item() for g in grads])
    return sizes


def test_gradients_flow_through_both_branches():
    sizes = term_gradients(build('CollapsingEstimator'))
    assert len(sizes) == 2 and all(x > 0 for row in sizes for x in row)


def test_the_library_teaches_from_one_side_only():
    (a, none), (nothing, b) = term_gradients(build('SemiPoseEstimator'))
    assert a > 0 and b > 0 and none == nothing == 0


def test_both_estimators_see_the_same_hard_images():
    steps = []
    for name in ('CollapsingEstimator', 'SemiPoseEstimator'):
        model = build(name)
        losses = model.loss(*build_batch())
        assert sorted(losses) == ['net0/loss_sup', 'net0/loss_unsup']
        steps.append(model.last_step)
    naive, library = steps
    torch.testing.assert_close(naive.losses['net0/loss_sup'],
                               library.losses['net0/loss_sup'])
    assert len(naive.easy[0]) == 2 * len(library.easy[0])
    for p in (0, 1):
        torch.testing.assert_close(naive.lessons[p].images,
                                   library.lessons[p].images)
    assert not torch.equal(naive.lessons[0].images, naive.lessons[1].images)
    assert not torch.equal(naive.lessons[0].targets,
                           library.lessons[0].targets)


def test_heatmaps_move_from_view_to_view(project):
    """A blob in one view goes where the other view has it."""
    codec = CodecGeometry((192, 256), (48, 64), (4., 4.))
    x, y = torch.meshgrid(torch.arange(48.), torch.arange(64.), indexing='xy')
    blob = torch.exp(-((x - 27)**2 + (y - 36)**2) / 18)[None, None]
    views = [
        HardAffine().view_warp(
            torch.tensor([scale]), torch.tensor([angle]), codec)
        for scale, angle in ((0.8, 40.), (1.2, -25.))
    ]
    first, second = (view.heatmaps(blob) for view in views)
    moved, weights = project.move_heatmaps(first, *views)
    assert not torch.allclose(first, second, atol=0.3)
    torch.testing.assert_close(moved, second, atol=0.02, rtol=0)
    assert 0.4 < weights.mean() < 1 and weights[moved > 0.5].all()


def test_same_view_moves_nothing(project):
    codec = CodecGeometry((64, 96), (16, 24), (4., 4.))
    view = HardAffine().view_warp(torch.ones(2), torch.zeros(2), codec)
    heatmaps = torch.rand(2, 5, 24, 16)
    moved, weights = project.move_heatmaps(heatmaps, view, view)
    torch.testing.assert_close(moved, heatmaps)
    assert weights.shape == heatmaps.shape and weights.all()


def test_alarm_hears_the_step_of_the_project():
    """The hook's statistics work as they are, and tell of a collapse."""
    model = build('CollapsingEstimator')
    model.loss(*build_batch())
    step = model.last_step
    tensors = [step.easy[0], step.labeled[0]]
    for lesson in step.lessons:
        tensors += [lesson.images, lesson.targets, lesson.outputs]
    assert torch.equal(step.easy[0],
                       torch.cat([x.outputs for x in step.lessons]))
    assert len(tensors) == 8 and not any(x.requires_grad for x in tensors)
    for heatmaps, peak in ((step.labeled[0], 0.5), (step.easy[0], 0.4)):
        heatmaps.zero_()[..., 3, 4] = peak
    alarm = CollapseAlarm(patience=2)

    def read():
        stats = teaching_statistics(step)
        assert all(math.isfinite(value) for value in stats.values())
        return alarm.read({k: float(v) for k, v in stats.items()})

    assert [read() for _ in range(4)] == [None] * 4
    step.easy[0].mul_(0.1)
    assert read() is None
    assert read().startswith('net0 collapses')


@pytest.mark.parametrize('change, found', [
    (dict(views=[VIEW]), r'ops=\(\)\)\] and'),
    (dict(views=[VIEW, CUT]), 'JointCutout'),
    (dict(peers=[dict()]), '1 peers'),
    (dict(routes=[]), '0 routes'),
    (dict(warp=None), 'warp None'),
])
def test_other_settings_are_refused(change, found):
    cfg = copy.deepcopy(
        dict(BASE, type='CollapsingEstimator', **dict(PAIR, **change)))
    with pytest.raises(ValueError, match=f'CollapsingEstimator .*{found}'):
        MODELS.build(cfg)


def test_configs_differ_in_nothing_but_the_estimator(project):
    configs = {
        name: Config.fromfile(PROJECT / 'configs' / f'{name}.py')
        for name in ('collapsing', 'posecons')
    }
    naive, library = (cfg.to_dict() for cfg in configs.values())
    assert naive['model'].pop('type') == 'CollapsingEstimator'
    assert library['model'].pop('type') == 'SemiPoseEstimator'
    assert naive.pop('custom_imports') != library.pop('custom_imports')
    assert naive == library
    for cfg in configs.values():
        cfg.model.backbone.init_cfg = None
        model = MODELS.build(cfg.model)
        assert model.num_networks == 1
    assert isinstance(
        MODELS.build(configs['collapsing'].model), project.CollapsingEstimator)


def test_alarms_are_read_from_the_logs(run_script, tmp_path):
    for number, lines in enumerate(('iteration 15: a\n', 'iteration 30: b')):
        folder = tmp_path / f'2026010{number}_000000'
        folder.mkdir()
        text = f'WARNING - Collapse at {lines}'
        (folder / f'{folder.name}.log').write_text(text)
    assert run_script.find_alarms(str(tmp_path)) == [15, 30]
    assert run_script.find_alarms(str(tmp_path / 'none')) == []


@pytest.mark.parametrize('collapsing, posecons, wrong', [
    ([60, 75], [], None),
    ([], [], 'did not ring'),
    ([60], [90], 'rang for PoseCons at iteration 90'),
])
def test_verdict(run_script, collapsing, posecons, wrong):
    verdict = run_script.judge(dict(collapsing=collapsing, posecons=posecons))
    assert verdict is None if wrong is None else wrong in verdict


@pytest.mark.slow
def test_one_collapses_and_the_other_does_not(tmp_path):
    """The real thing, some ten minutes on one core."""
    figure = tmp_path / 'collapse.png'
    subprocess.run([
        sys.executable, PROJECT / 'run.py', '--work-dir', tmp_path / 'runs',
        '--figure', figure
    ],
                   check=True)
    assert figure.stat().st_size > 5000
