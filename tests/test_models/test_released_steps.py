# Copyright (c) semipose_mm authors.
"""Whole steps of recipes against the released MultiAugs and SSPCM.

Networks are stand-ins that say what is stored; the estimator makes targets,
weights and losses of it, by the lists of ``configs/_base_/methods.py``.
"""
import pytest
import torch
from mmengine.config import Config
from mmpose.structures import PoseDataSample
from recipe_toys import CONFIGS
from toys import BASE, build_model

from semipose_mm.models import LegacyHardAffine

#: What is stored has JC, JO, JO+CO, JC+CM.
PATHS = [2, 3, 0, 1]


def stored(values, name):
    """A stored array in float32."""
    return torch.tensor(values[name]).float()


def build(monkeypatch, method, entry, values, names):
    """The estimator of a letter, whose networks say what is stored.

    Args:
        monkeypatch: Sets the method.
        method (str): Name of the recipe.
        entry (str): Name of its config in the base file.
        values: The stored arrays.
        names (dict): By the key of a network, what it says in turn, each
            the name of an array and maybe a number along its first axis.
    """
    monkeypatch.setenv('SEMIPOSE_METHOD', method)
    cfg = Config.fromfile(CONFIGS / '_base_' / 'posedual.py').posedual
    cfg.update(Config.fromfile(CONFIGS / '_base_' / 'methods.py')[entry])
    cfg.pop('type')
    cfg.update(
        data_preprocessor=BASE['data_preprocessor'],
        warp=dict(type='LegacyHardAffine'),
        head=dict(
            BASE['head'],
            out_channels=24,
            # the released losses are half of MMPose's
            loss=dict(
                type='KeypointMSELoss',
                use_target_weight=True,
                loss_weight=0.5),
            decoder=dict(
                type='MSRAHeatmap',
                input_size=(48, 64),
                heatmap_size=(12, 16),
                sigma=2.)))
    model = build_model(**cfg.to_dict())
    said = {
        key:
        iter([
            stored(values, name[0])[name[1]]
            if isinstance(name, tuple) else stored(values, name)
            for name in listed
        ])
        for key, listed in names.items()
    }
    model.run = lambda key, images, restore=None: next(said[key])
    model.rest = said

    normal, uniform, turn = torch.tensor(values['theta_draws']).unbind(-1)
    rotation = (30 * turn).clamp(-60, 60).where(uniform <= 0.8, 0)
    warp = LegacyHardAffine().view_warp(
        (1 + 0.25 * normal).clamp(0.75, 1.25).float(), rotation.float(),
        model.output.codec)
    torch.testing.assert_close(warp.image_theta.double(),
                               torch.tensor(values['theta']))
    model.plan.warp = lambda draws, codec: warp
    # of the 24 channels unlabeled persons have some
    weights = stored(values, 'w_unlabeled')[..., 0]
    for i, route in enumerate(model.plan.routes):
        model.plan.routes[i] = route._replace(
            select=lambda *args, own=route.select: weights
            if own is None else weights * own(*args))
    return model


def run(model, values):
    """A step: losses summed over networks, and its record."""
    images = torch.zeros(3, 3, 64, 48)
    labeled = [PoseDataSample() for _ in range(3)]
    labels = dict(
        heatmaps=stored(values, 'gt'),
        keypoint_weights=stored(values, 'w_labeled')[..., 0])
    losses = model.loss(
        dict(
            labeled=images,
            easy=images,
            uniforms=torch.rand(3, 1024) * 0.98 + 0.01),
        dict(labeled=labeled, labels=labels, unlabeled=labeled))
    assert all(next(rest, None) is None for rest in model.rest.values())
    sums = [
        sum(v for k, v in losses.items() if k.endswith(term))
        for term in ('loss_sup', 'loss_unsup')
    ]
    return sums, model.last_step.views


def check_losses(values, prefix, sums):
    """The labeled and the unlabeled loss are the released ones."""
    for name, found in zip(('pose', 'cons'), sums):
        expected = float(values[f'{prefix}_loss_{name}'])
        assert found.item() == pytest.approx(expected, rel=1e-6)
    assert sum(sums).item() == pytest.approx(
        float(values[f'{prefix}_loss']), rel=1e-6)


@pytest.mark.parametrize('paths', [4, 2])
@pytest.mark.parametrize('nets', ['dual', 'single'])
def test_multiaugs(golden, monkeypatch, nets, paths):
    values = golden('multiaugs_losses')
    count = dict(dual=2, single=1)[nets]
    names = {
        i: [f'sup{i + 1}', f'easy{i + 1}'] + [(f'hard{i + 1}', p)
                                              for p in PATHS[:paths]]
        for i in range(count)
    }
    model = build(monkeypatch,
                  dict(dual='multiaugs', single='multiaugs_single')[nets],
                  'method_letter' if paths == 4 else 'method_letter_full',
                  values, names)
    sums, views = run(model, values)
    check_losses(values, f'{nets}_{paths}paths', sums)
    terms = values[f'{nets}_{paths}paths_cons_terms']
    assert len(views) == count * paths
    for view in views:
        teacher = 2 - view.student if nets == 'dual' else 1
        torch.testing.assert_close(view.targets,
                                   stored(values, f'target{teacher}'))
        path = sorted(PATHS[:paths]).index(PATHS[view.view])
        assert view.loss.item() == pytest.approx(
            terms[view.student, path], rel=1e-6)


def test_sspcm(golden, monkeypatch):
    values = golden('sspcm_targets')
    names = {
        0: ['sup_A', 'easy_A', 'hard_A'],
        1: ['sup_B', 'easy_B', 'hard_B'],
        2: ['sup_C', 'hard_C'],
        'last0': ['easy_A_last'],
        'last1': ['easy_B_last']
    }
    model = build(monkeypatch, 'sspcm', 'method_letter', values, names)
    sums, views = run(model, values)
    check_losses(values, 'released', sums)
    assert [view.student for view in views] == [0, 1, 2]
    for view, name in zip(views, 'ABC'):
        torch.testing.assert_close(view.targets,
                                   stored(values, f'target_{name}'))
        assert torch.equal(
            view.weights,
            stored(values, 'released_cons_weights')[view.student, ..., 0])
        assert view.loss.item() == pytest.approx(
            values['released_cons_terms'][view.student], rel=1e-6)
    # the filter leaves some out
    assert 0 < stored(values, 'score_keep').mean() < 1
