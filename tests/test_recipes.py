# Copyright (c) semipose_mm authors.
"""Tests of the recipes: every one trains two iterations."""
import json
import math
import os
import os.path as osp
import subprocess
import sys

import pytest
import torch
import yaml
from mmengine.config import Config
from mmpose.registry import MODELS as POSE_MODELS
from people_toys import ROOT
from recipe_toys import CONFIGS, VARIABLES, make_aic, make_coco, make_mpii

from semipose_mm.cli import main

MODELS = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())['Models']
#: Minutes each on two cores.
LARGE = ('res101', 'res152', 'hrnet')


@pytest.fixture(scope='session')
def recipes_root(tmp_path_factory, people_root):
    """Folders laid out as COCO, MPII and AI Challenger."""
    root = tmp_path_factory.mktemp('data')
    files = make_coco(root, people_root)
    make_mpii(root, *files['train'])
    make_aic(root, *files['val'])
    return root


def options(cfg, *more, keep=()):
    """Two iterations of two pairs, and a short test."""
    length, unit = ('max_epochs', 1), ('interval', 1)
    if cfg.train_cfg.type == 'SemiPoseIterTrainLoop':
        length, unit = ('max_iters', 2), ('interval', 2)
    unlabeled = cfg.train_dataloader.dataset.unlabeled is not None
    given = {
        f'train_cfg.{length[0]}':
        length[1],
        'default_hooks.checkpoint.interval':
        unit[1],
        'default_hooks.checkpoint.save_best':
        None,
        'default_hooks.checkpoint.save_optimizer':
        False,
        'default_hooks.logger.interval':
        1,
        'train_dataloader.batch_size':
        2,
        'train_dataloader.num_workers':
        0,
        'train_dataloader.dataset.'
        f'{"unlabeled" if unlabeled else "labeled"}.indices':
        4,
        'val_dataloader.dataset.indices':
        3,
        'val_dataloader.batch_size':
        2,
        'val_dataloader.num_workers':
        0,
        'model.backbone.init_cfg':
        None,
        'log_level':
        'WARNING'
    }
    for number, peer in enumerate(cfg.model.peers):
        if 'backbone' in peer:
            given[f'model.peers.{number}.backbone.init_cfg'] = None
    for number, hook in enumerate(cfg.custom_hooks):
        if hook.get('burn_in'):
            # teaching from the second iteration on
            given[f'custom_hooks.{number}.burn_in'] = 1
            given[f'custom_hooks.{number}.ramp_up'] = 0
    return [
        f'{key}={value}' for key, value in given.items() if key not in keep
    ] + list(more)


def check_run(work_dir, cfg, metrics):
    """A run of two iterations leaves losses, scores and a checkpoint."""
    log, = work_dir.glob('*/vis_data/2*.json')
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [entry for entry in entries if 'loss' in entry]
    assert [entry['iter'] for entry in steps] == [1, 2]
    assert all(0 < entry['loss'] < math.inf for entry in steps)
    scores, = (entry for entry in entries if 'loss' not in entry)
    for metric in metrics:
        assert -1 <= scores[metric] <= 100
    path, = work_dir.glob('*.pth')
    state = torch.load(path, weights_only=True)
    # hundreds of megabytes for some
    path.unlink()
    assert state['meta']['iter'] == 2
    check_teaching(cfg, steps, scores, state['state_dict'])
    return steps, state['state_dict']


def check_teaching(cfg, steps, scores, state):
    """Who teaches whom shows in losses, scores and checkpoint."""
    students = {f'net{route.student}' for route in cfg.model.routes}
    burn_in = any(hook.get('burn_in') for hook in cfg.custom_hooks)
    for step, teaches in zip(steps, (not burn_in, True)):
        found = {k.split('/')[0] for k in step if k.endswith('loss_unsup')}
        assert found == (students if teaches else set())
        assert all(step[f'{name}/loss_unsup'] > 0 for name in found)
    dual = len(cfg.model.peers) == 1
    assert any(key.startswith('peers.1.') for key in state) == dual
    assert any(key.startswith('ensemble/') for key in scores) == dual


@pytest.fixture
def train(tmp_path, monkeypatch, no_variables, no_yapf):
    """Train in this process, and check what it leaves."""
    monkeypatch.setenv('LOCAL_RANK', '0')

    def run(name,
            *args,
            variables=None,
            metrics=('PCK@0.2', 'AUC'),
            more=(),
            keep=()):
        # the tool may set what was unset, so that it is restored
        for variable in VARIABLES:
            if variable not in os.environ:
                monkeypatch.setenv(variable, '')
                monkeypatch.delenv(variable)
        for variable, value in (variables or {}).items():
            monkeypatch.setenv(variable, value)
        cfg = Config.fromfile(CONFIGS / name)
        work_dir = tmp_path / 'run'
        # one process has one visualizer of a name
        given = options(cfg, f'visualizer.name={tmp_path}', *more, keep=keep)
        main([
            'train',
            str(CONFIGS / name), '--work-dir',
            str(work_dir), *args, '--cfg-options', *given
        ])
        return check_run(work_dir, cfg, metrics)

    return run


# ------------------------------------------------- the rows of the paper


def recipes():
    """Every config of a row, to the letter and corrected, by hard views."""
    found = set()
    for model in MODELS:
        name = model['Config'][len('configs/'):]
        hard = model['Metadata'].get('Variables', {}).get('SEMIPOSE_HARD', '')
        if 'Test Options' not in model['Metadata']:
            found |= {(name, hard), (name.replace('paper/', ''), hard)}
    found.add(('posedual_res18_coco1k.py', 'randaug_cutout'))
    return [
        pytest.param(
            *pair,
            marks=[pytest.mark.slow] if any(n in pair[0]
                                            for n in LARGE) else [])
        for pair in sorted(found)
    ]


@pytest.mark.parametrize('name, hard', recipes())
def test_recipe(train, recipes_root, name, hard):
    variables = dict(SEMIPOSE_DATA=str(recipes_root))
    if hard:
        variables['SEMIPOSE_HARD'] = hard
    if 'coco1k' in name:
        variables['SEMIPOSE_NUM_LABELS'] = '3'
    train(
        name,
        variables=variables,
        metrics=('PCK', 'Head PCK') if 'mpii' in name else ('coco/AP', ))


def test_the_main_config(recipes_root, tmp_path):
    """HRNet-W48 at 384x288, as a user calls it."""
    env = dict(os.environ, SEMIPOSE_DATA=str(recipes_root))
    path = CONFIGS / 'posedual_hrnet_w48_coco.py'
    cfg = Config.fromfile(path)
    done = subprocess.run([
        sys.executable,
        osp.join(ROOT, 'tools', 'train.py'),
        str(path), '--work-dir',
        str(tmp_path / 'run'), '--cfg-options', *options(cfg)
    ],
                          cwd=tmp_path,
                          env=env,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          universal_newlines=True)
    assert done.returncode == 0, done.stdout[-3000:]
    check_run(tmp_path / 'run', cfg, ('coco/AP', 'ensemble/coco/AP'))


@pytest.mark.slow
def test_testdev(recipes_root, tmp_path):
    """One json for each network from boxes of a detector."""
    path = CONFIGS / 'posedual_hrnet_w48_coco_testdev.py'
    env = dict(os.environ, SEMIPOSE_DATA=str(recipes_root))
    cfg = Config.fromfile(path)
    cfg.model.backbone.init_cfg = None
    checkpoint = tmp_path / 'random.pth'
    torch.save(
        dict(state_dict=POSE_MODELS.build(cfg.model).state_dict()), checkpoint)
    subprocess.run([
        sys.executable,
        osp.join(ROOT, 'tools', 'test.py'),
        str(path),
        str(checkpoint), '--cfg-options', 'test_dataloader.dataset.indices=2',
        'test_dataloader.num_workers=0', 'model.backbone.init_cfg=None'
    ],
                   cwd=tmp_path,
                   env=env,
                   check=True)
    files = list(tmp_path.glob('work_dirs/*/results/*.keypoints.json'))
    assert {f.name.split('.')[0]
            for f in files} == {'net0', 'net1', 'ensemble'}
    for file in files:
        poses = json.loads(file.read_text())
        assert len(poses) == 2 and len(poses[0]['keypoints']) == 51


# ------------------------------------------------------- the other recipes


@pytest.mark.parametrize('method', ['supervised', 'posecons', 'posedual'])
@pytest.mark.parametrize('data, labels', [('lspet', 100), ('mouse9', 50)])
def test_real_data(train, data_root, method, data, labels):
    train(f'{method}_mobilenetv2_{data}.py', '--data-root', str(data_root),
          '--num-labels', str(labels))


@pytest.mark.parametrize('method, data', [('posedual', 'lspet'),
                                          ('posecons', 'mouse9'),
                                          ('supervised', 'mouse9')])
def test_simcc_on_real_data(train, data_root, method, data):
    train(f'{method}_rtmpose-t_{data}.py', '--data-root', str(data_root))


def test_given_backbone_weights(train, data_root):
    """Training starts from them in both networks."""
    given = os.environ.get('SEMIPOSE_MOBILENETV2') or str(
        data_root.parent / 'weights' / 'mobilenet_v2_imagenet.pth')
    if not osp.isfile(given):
        pytest.skip('needs a file in SEMIPOSE_MOBILENETV2')
    weights = torch.load(given, weights_only=True)
    weights = weights.get('state_dict', weights)
    _, state = train(
        'posedual_mobilenetv2_lspet.py',
        '--data-root',
        str(data_root),
        '--backbone-weights',
        given,
        more=('optim_wrapper.optimizer.lr=0', ),
        keep=('model.backbone.init_cfg', ))
    for prefix in ('', 'peers.1.'):
        name = f'{prefix}backbone.conv1.conv.weight'
        stored = next(v for k, v in weights.items()
                      if k.endswith('conv1.conv.weight'))
        assert torch.equal(state[name], stored)


@pytest.mark.parametrize('method', ['supervised', 'posedual'])
def test_generated_people(train, people_root, method):
    train(
        f'{method}_res18slim_own.py',
        variables=dict(SEMIPOSE_OWN=str(people_root)),
        metrics=('PCK@0.2', 'coco/AP'))


def test_excerpt_of_coco(train, recipes_root):
    train(
        'posedual_res18_coco17.py',
        variables=dict(
            SEMIPOSE_DATA=str(recipes_root), SEMIPOSE_NUM_LABELS='3'),
        metrics=('coco/AP', 'net1/coco/AP'))
