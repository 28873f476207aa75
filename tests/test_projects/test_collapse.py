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
from semipose_mm.structures import Draws

PROJECT = Path(__file__).parents[2] / 'projects' / 'collapse'
WARP = dict(type='HardAffine')
PAIR = dict(
    routes=[dict(student=0, teachers=[0])],
    views=[dict(source='easy'), dict(source='easy')],
    warp=WARP)


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


def build(name, teacher_pass=dict(type='HardPass', warp=WARP)):
    """The toy model as the class of that name, with the same weights."""
    cfg = dict(BASE, type=name, teacher_pass=teacher_pass, **PAIR)
    model = MODELS.build(copy.deepcopy(cfg))
    model.load_state_dict(build_model(**PAIR).state_dict())
    return model


def term_gradients(model):
    """Size of the gradients of both unlabeled terms by the hard passes."""
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
    """Of the teaching view, and of each view that is compared with it."""
    (teacher, a, none), (again, nothing,
                         b) = term_gradients(build('CollapsingEstimator'))
    assert min(teacher, again, a, b) > 0 and none == nothing == 0


def test_the_library_teaches_from_one_side_only():
    (a, none), (nothing, b) = term_gradients(build('SemiPoseEstimator'))
    assert a > 0 and b > 0 and none == nothing == 0


def test_the_teaching_view_is_moved_back(project):
    """A blob in the easy view is where it was, seen through a warp."""
    model = build('CollapsingEstimator')
    x, y = torch.meshgrid(torch.arange(16.), torch.arange(24.), indexing='xy')
    blob = torch.exp(-((x - 9)**2 + (y - 11)**2) / 8).expand(3, 5, -1, -1)
    draws = Draws(torch.rand(3, 3, generator=torch.manual_seed(0)))
    view = model.plan.teacher_pass.draw(draws, model.output.codec)
    seen, = model.plan.teacher_pass(lambda images: view.heatmaps(blob),
                                    model.output, torch.rand(3, 3, 96,
                                                             64), [], view)
    assert not torch.allclose(view.heatmaps(blob), blob, atol=0.3)
    torch.testing.assert_close(seen, blob, atol=0.12, rtol=0)


def test_alarm_hears_the_step_of_the_project():
    """The hook's statistics work as they are, and tell of a collapse."""
    model = build('CollapsingEstimator')
    model.loss(*build_batch())
    step = model.last_step
    tensors = [*step.easy[0], step.labeled[0]]
    for view in step.views:
        tensors += [view.images, view.targets, view.outputs]
    assert len(tensors) == 8 and not any(x.requires_grad for x in tensors)
    hard = [view.outputs for view in step.views]
    for heatmaps, peak in ((step.labeled[0], 0.5), *((x, 0.4) for x in hard),
                           (step.easy[0][0], 0.4)):
        heatmaps.zero_()[..., 3, 4] = peak
    alarm = CollapseAlarm(patience=2)

    def read():
        stats = teaching_statistics(step)
        assert all(math.isfinite(value) for value in stats.values())
        return alarm.read({k: float(v) for k, v in stats.items()})

    assert [read() for _ in range(4)] == [[]] * 4
    for heatmaps in hard:
        heatmaps.mul_(0.1)
    assert read() == []
    assert read()[0].startswith('net0 collapses')


def test_configs_differ_in_nothing_but_the_estimator(project):
    configs = {
        name: Config.fromfile(PROJECT / 'configs' / f'{name}.py')
        for name in ('collapsing', 'posecons')
    }
    naive, library = (cfg.to_dict() for cfg in configs.values())
    assert naive['model'].pop('type') == 'CollapsingEstimator'
    assert naive['model'].pop('teacher_pass')['type'] == 'HardPass'
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
