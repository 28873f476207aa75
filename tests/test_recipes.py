# Copyright (c) semipose_mm authors.
"""Tests of the recipes: every one trains two iterations."""
import json
import math
import os
import os.path as osp
import signal
import subprocess
import sys

import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import MODELS as POSE_MODELS
from people_toys import ROOT, SLIM, own_config
from recipe_toys import CONFIGS, VARIABLES, make_aic, make_coco, make_mpii

from semipose_mm.cli import main
from semipose_mm.cli.options import METHODS
from semipose_mm.launch.stop_signals import SIGNALS

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
    given.update(narrow('model', cfg.model))
    for number, peer in enumerate(cfg.model.peers):
        given.update(narrow(f'model.peers.{number}', peer))
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


def narrow(key, cfg):
    """A residual network of the recipe's depth with few channels."""
    backbone = cfg.get('backbone', {})
    if 'depth' not in backbone or backbone.get('type', 'ResNet') != 'ResNet':
        return {}
    return {
        f'{key}.backbone.stem_channels': 8,
        f'{key}.backbone.base_channels': 8,
        f'{key}.head.in_channels': 64 if backbone.depth < 50 else 256,
        f'{key}.head.deconv_out_channels': '(16,16,16)'
    }


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
    # a selection may keep no joint of fresh networks
    least = {f'net{r.student}': -1 for r in cfg.model.routes}
    least.update({
        f'net{r.student}': 0
        for r in cfg.model.routes if r.get('select') is None
    })
    burn_in = any(hook.get('burn_in') for hook in cfg.custom_hooks)
    for step, teaches in zip(steps, (not burn_in, True)):
        found = {k.split('/')[0] for k in step if k.endswith('loss_unsup')}
        assert found == (set(least) if teaches else set())
        for name in found:
            assert least[name] < step[f'{name}/loss_unsup'] < math.inf
    several = bool(cfg.model.peers)
    assert any(key.startswith('ensemble/') for key in scores) == several
    kept = [key.split('.')[:2] for key in state]
    assert {k
            for part, k in kept if part == 'peers'
            } == {str(i)
                  for i in range(1, 1 + len(cfg.model.peers))}
    assert {k
            for part, k in kept if part == 'teachers'} == {
                name
                for name, teacher in cfg.model.get('teachers', {}).items()
                if 'of' in teacher
            }


@pytest.fixture
def train(tmp_path, monkeypatch, no_variables, no_yapf):
    """Train in this process, and check what it leaves."""
    monkeypatch.setenv('LOCAL_RANK', '0')
    handlers = {one: signal.getsignal(one) for one in SIGNALS}

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

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


# ------------------------------------------------- the rows of the paper


def recipes():
    """Every config of a row, to the letter and corrected, and its words."""
    found = set()
    for model in MODELS:
        name = model['Config'][len('configs/'):]
        words = tuple(
            item for item in model['Metadata'].get('Variables', {}).items()
            if item[0] != 'SEMIPOSE_NUM_LABELS')
        # a frozen teacher is a file, see test_distillation
        if 'Test Options' not in model['Metadata'] and \
                not name.startswith('distillation'):
            found |= {(name, words), (name.replace('paper/', ''), words)}
    found.add(
        ('posedual_res18_coco1k.py', (('SEMIPOSE_HARD', 'randaug_cutout'), )))
    return [
        pytest.param(
            name,
            dict(words),
            id='-'.join([name, *(value for _, value in words)]),
            marks=[pytest.mark.slow] if any(n in name for n in LARGE) else [])
        for name, words in sorted(found)
    ]


@pytest.mark.parametrize('name, words', recipes())
def test_recipe(train, recipes_root, name, words):
    variables = dict(words, SEMIPOSE_DATA=str(recipes_root))
    if 'coco1k' in name:
        variables['SEMIPOSE_NUM_LABELS'] = '3'
    train(
        name,
        variables=variables,
        metrics=('PCK', 'Head PCK') if 'mpii' in name else ('coco/AP', ))


@pytest.mark.long
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


# ---------------------------------------------- the methods after PoseDual


@pytest.fixture(scope='session')
def big_teacher(tmp_path_factory):
    """Config and checkpoint of a network that was trained before."""

    def write(zoo, **sizes):
        folder = tmp_path_factory.mktemp('teacher')
        cfg = Config.fromfile(osp.join(ROOT, 'configs', 'supervised_' + zoo))
        cfg.merge_from_dict({**SLIM, **sizes, 'model.backbone.init_cfg': None})
        model = dict(
            type='TopdownPoseEstimator',
            data_preprocessor=cfg.model.data_preprocessor,
            backbone=cfg.model.backbone,
            head=cfg.model.head)
        torch.manual_seed(0)
        torch.save(
            dict(state_dict=POSE_MODELS.build(model).state_dict()),
            folder / 'big.pth')
        Config(dict(model=model)).dump(folder / 'big.py')
        return dict(
            type='FrozenTeacher',
            config=str(folder / 'big.py'),
            checkpoint=str(folder / 'big.pth'))

    return write


def test_distillation(train, recipes_root, big_teacher):
    teacher = big_teacher('res50_coco.py', **{'model.head.in_channels': 256})
    train(
        'distillation_res18_coco.py',
        variables=dict(SEMIPOSE_DATA=str(recipes_root)),
        metrics=('coco/AP', ),
        more=[f'model.teachers.big.{k}={v}' for k, v in teacher.items()])


def train_method(root, folder, name, overrides, **kwargs):
    """Four iterations, two epochs, and the checkpoints of each."""
    saving = dict(
        type='SafeCheckpointHook', interval=1, by_epoch=False, save_best=None)
    cfg = own_config(
        root, folder, name, **{
            'default_hooks.checkpoint': saving,
            'train_cfg.max_epochs': 2,
            'custom_hooks': [dict(type='MutualTeachingHook')],
            'val_cfg': None,
            'val_dataloader': None,
            'val_evaluator': None,
            **overrides,
            **kwargs
        })
    runner = Runner.from_cfg(cfg)
    runner.train()
    return [
        torch.load(path, weights_only=True)
        for path in sorted(folder.glob('*.pth'))
    ]


@pytest.mark.parametrize('method', [*METHODS, 'distillation'])
def test_methods_resume_exactly(people_root, tmp_path, monkeypatch, no_yapf,
                                no_variables, big_teacher, method):
    """After the first iteration, bit for bit."""
    name, overrides = 'methods', {}
    if method == 'distillation':
        name = 'posedual'
        overrides = {
            'model.peers': [],
            'model.routes': [dict(student=0, teachers=['big'])],
            'model.teachers': dict(big=big_teacher('res18slim_own.py'))
        }
    else:
        monkeypatch.setenv('SEMIPOSE_METHOD', method)
    if method in ('sspcm', 'pseudo_hms_like'):
        # fresh networks are not sure of anything
        count = dict(sspcm=3).get(method, 2)
        overrides = {f'model.routes.{i}.select.thr': 0. for i in range(count)}
    states = train_method(people_root, tmp_path / 'whole', name, overrides)
    first, last = states[0], states[-1]
    assert [s['meta']['iter'] for s in states] == [1, 2, 3, 4]
    # other global random numbers than the first time
    torch.manual_seed(77)
    resumed = train_method(
        people_root,
        tmp_path / 'resumed',
        name,
        overrides,
        resume=True,
        load_from=str(tmp_path / 'whole' / 'iter_1.pth'),
        randomness=dict(seed=None))[-1]
    assert resumed['meta']['iter'] == 4
    weights = last['state_dict']
    assert list(weights) == list(resumed['state_dict'])
    for key, value in weights.items():
        assert torch.equal(value, resumed['state_dict'][key]), key
    found = resumed['optimizer']['state']
    assert last['optimizer']['state'].keys() == found.keys() != set()
    for number, entries in last['optimizer']['state'].items():
        for key, value in entries.items():
            assert torch.equal(
                torch.as_tensor(value), torch.as_tensor(found[number][key]))
    # students have learned, and those that follow have followed
    learned = [k for k in weights if k.endswith('final_layer.weight')]
    assert any(k.startswith('teachers.') for k in learned) == (
        method in ('sspcm', 'mean_teacher', 'scarcenet_like'))
    for key in learned:
        assert not torch.equal(weights[key], first['state_dict'][key]), key


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


@pytest.mark.parametrize('data', ['lspet', 'mouse9'])
@pytest.mark.parametrize('method', ['multiaugs', 'mean_teacher'])
def test_methods_on_real_data(train, data_root, method, data):
    train(
        f'methods_mobilenetv2_{data}.py',
        '--data-root',
        str(data_root),
        '--method',
        method,
        variables=dict(SEMIPOSE_METHOD=method))


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
