# Copyright (c) semipose_mm authors.
"""Tests of the configs: they parse, build, combine and train."""
import ast
import importlib.util
import json
import math
import os
import os.path as osp
import subprocess
import sys
from pathlib import Path

import mmpose
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from people_toys import ROOT, make_people

CONFIGS = Path(ROOT, 'configs')
LEAVES = sorted(
    str(path.relative_to(CONFIGS)) for path in CONFIGS.rglob('*.py')
    if path.parent.name != '_base_')
BASES = sorted(CONFIGS.glob('_base_/*.py'))
ZOO = Path(mmpose.__file__).parent / '.mim' / 'configs'
#: Who is taught by whom.
ROUTES = dict(
    supervised=[], posecons=[(0, [0])], posedual=[(0, [1]), (1, [0])])
VARIABLES = ('SEMIPOSE_HARD', 'SEMIPOSE_DATA', 'SEMIPOSE_NUM_LABELS',
             'SEMIPOSE_MOBILENETV2', 'SEMIPOSE_RESNET18',
             'SEMIPOSE_RESNET18_PEER', 'SEMIPOSE_RESNET50',
             'SEMIPOSE_HRNET_W48', 'SEMIPOSE_OWN')


@pytest.fixture
def no_variables(monkeypatch):
    """Configs as they are without a word from outside."""
    for name in VARIABLES:
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)


def random_weights(cfg):
    """Take every ``init_cfg`` away, as this machine may have no network."""
    if isinstance(cfg, dict):
        for key, value in cfg.items():
            if key == 'init_cfg':
                cfg[key] = None
            else:
                random_weights(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            random_weights(value)


def top_level_names(path):
    """Names that a config file defines."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        for target in getattr(node, 'targets', []):
            names |= {n.id for n in ast.walk(target) if hasattr(n, 'id')}
    return names - {'_base_'}


# ------------------------------------------------------------- all of them


def test_recipes_are_there():
    expected = {
        'posedual_hrnet_w48_coco.py', 'posedual_res50_coco.py',
        'posedual_res18_coco1k.py', 'paper/posedual_res18_coco1k.py',
        'posedual_res18_coco17.py'
    }
    for method in ('supervised', 'posedual'):
        for data in ('lspet', 'mouse9'):
            expected.add(f'{method}_mobilenetv2_{data}.py')
    assert expected <= set(LEAVES)


@pytest.mark.parametrize('name', LEAVES)
def test_leaf(name, no_variables):
    path = CONFIGS / name
    assert len(path.read_text().splitlines()) < 40
    cfg = Config.fromfile(path)
    again = Config.fromstring(cfg.pretty_text, '.py')
    assert again._cfg_dict == cfg._cfg_dict
    # every file goes back to the zoo
    assert cfg.default_hooks.sampler_seed.type == 'DistSamplerSeedHook'
    assert cfg.custom_imports.imports == ['semipose_mm']

    random_weights(cfg.model)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    method = Path(name).name.split('_')[0]
    assert model.num_networks == (2 if method == 'posedual' else 1)
    assert [(r.student, list(r.teachers))
            for r in model.lectern.routes] == ROUTES[method]
    assert model.head.decoder.input_size == model.codec.input_size
    ratio = cfg.train_dataloader.dataset.get('unlabeled_ratio', 1)
    assert ratio == bool(ROUTES[method])
    # the schedule ends within the training
    size = cfg.train_cfg.max_epochs
    for scheduler in cfg.param_scheduler:
        if scheduler.get('by_epoch', True):
            assert max(scheduler.milestones) < size
    hooks = [hook.type for hook in cfg.custom_hooks]
    assert 'SafeCheckpointHook' in hooks
    assert ('MutualTeachingHook' in hooks) == bool(ROUTES[method])


@pytest.mark.parametrize('name', [n for n in LEAVES if 'supervised' in n])
def test_a_baseline_differs_in_nothing_but_the_method(name, no_variables):
    one = Config.fromfile(CONFIGS / name)
    two = Config.fromfile(CONFIGS / name.replace('supervised', 'posedual'))
    two.merge_from_dict(
        dict(
            model=dict(
                peers=[], routes=[], views=[], warp=None, sup_weight=1.0),
            train_dataloader=dict(dataset=dict(unlabeled_ratio=0))))
    two.custom_hooks = [
        h for h in two.custom_hooks if h.type != 'MutualTeachingHook'
    ]
    one, two = one.to_dict(), two.to_dict()
    assert one == two


def test_names_of_the_bases_are_our_own():
    zoo = set()
    folder = ZOO / 'body_2d_keypoint' / 'topdown_heatmap'
    for path in [*folder.rglob('*.py'), ZOO / '_base_' / 'default_runtime.py']:
        zoo |= top_level_names(path)
    assert {'model', 'codec', 'default_hooks', 'data_root'} <= zoo
    seen = {}
    for path in BASES:
        for name in top_level_names(path):
            assert name not in zoo, f'{path.name} defines {name}'
            assert name not in seen, f'{path.name} and {seen[name]}: {name}'
            seen[name] = path.name


def test_no_file_passes_for_meta_information():
    """MMPose looks metainfo files up by their names alone."""
    taken = {path.name for path in (ZOO / '_base_' / 'datasets').glob('*.py')}
    assert 'coco.py' in taken
    ours = {path.name for path in CONFIGS.rglob('*.py')}
    assert not ours & taken


# --------------------------------------------------------------- variables


def test_variables_are_read(monkeypatch, no_variables):
    cfg = Config.fromfile(CONFIGS / 'posedual_mobilenetv2_lspet.py')
    dataset = cfg.train_dataloader.dataset
    assert dataset.labeled.data_root == 'data/lspet/'
    assert dataset.labeled.ann_file.endswith('train_labeled_250.json')
    assert cfg.model.backbone.init_cfg.checkpoint == 'mmcls://mobilenet_v2'

    monkeypatch.setenv('SEMIPOSE_DATA', '/some/where')
    monkeypatch.setenv('SEMIPOSE_NUM_LABELS', '100')
    for variable in VARIABLES[2:]:
        monkeypatch.setenv(variable, f'{variable}.pth')
    cfg = Config.fromfile(CONFIGS / 'posedual_mobilenetv2_lspet.py')
    dataset = cfg.train_dataloader.dataset
    assert dataset.labeled.data_root == '/some/where/lspet/'
    assert dataset.unlabeled.data_root == '/some/where/lspet/'
    assert cfg.test_dataloader.dataset.data_root == '/some/where/lspet/'
    assert dataset.labeled.ann_file.endswith('train_labeled_100.json')
    assert cfg.model.backbone.init_cfg.checkpoint == \
        'SEMIPOSE_MOBILENETV2.pth'

    for name, variable in (('posedual_res50_coco', 'RESNET50'),
                           ('posedual_hrnet_w48_coco', 'HRNET_W48'),
                           ('posedual_res18_coco1k', 'RESNET18')):
        cfg = Config.fromfile(CONFIGS / f'{name}.py')
        assert cfg.model.backbone.init_cfg.checkpoint == \
            f'SEMIPOSE_{variable}.pth'
        assert cfg.val_evaluator.ann_file.startswith('/some/where/coco/')
    assert cfg.model.peers[0].backbone.init_cfg.checkpoint == \
        'SEMIPOSE_RESNET18_PEER.pth'
    assert cfg.train_dataloader.dataset.labeled.indices == 100
    cfg = Config.fromfile(CONFIGS / 'posedual_res18slim_own.py')
    assert cfg.train_dataloader.dataset.labeled.data_root == \
        'SEMIPOSE_OWN.pth/'


def test_geometry_of_the_evaluation():
    """The paper's: boxes of the annotations and one look at the image."""
    for name in LEAVES:
        cfg = Config.fromfile(CONFIGS / name)
        assert not cfg.model.test_cfg.flip_test
        for loader in (cfg.val_dataloader, cfg.test_dataloader):
            assert loader.dataset.bbox_file == ''
            codec = cfg.model.head.decoder
            affine, = (
                t for t in loader.dataset.pipeline
                if t.type == 'TopdownAffine')
            assert tuple(affine.input_size) == tuple(codec.input_size)


# ---------------------------------------------------------- other networks


def random_batch(cfg, batch_size=2):
    """Preprocessed noise of the config's sizes."""
    codec, joints = cfg.model.head.decoder, cfg.model.head.out_channels
    width, height = codec.input_size
    images = [torch.randn(batch_size, 3, height, width) for _ in range(2)]
    width, height = codec.heatmap_size
    labeled = []
    for _ in range(batch_size):
        sample = PoseDataSample()
        sample.gt_fields = PixelData(
            heatmaps=torch.rand(joints, height, width))
        sample.gt_instance_labels = InstanceData(
            keypoint_weights=torch.ones(1, joints))
        labeled.append(sample)
    inputs = dict(
        labeled=images[0],
        easy=images[1],
        uniforms=torch.rand(batch_size, 512) * 0.98 + 0.01)
    return inputs, dict(
        labeled=labeled,
        unlabeled=[PoseDataSample() for _ in range(batch_size)])


@pytest.mark.parametrize('name', [
    'res50_8xb64', 'hrnet-w32_8xb64', 'litehrnet-18_8xb64',
    'shufflenetv2_8xb64', 'vgg16-bn_8xb64', 'pvt-s_8xb64'
])
def test_posedual_on_other_networks(name, tmp_path):
    path = tmp_path / 'child.py'
    path.write_text(f"""
_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_{name}-210e_coco-'
    '256x192.py', '{CONFIGS}/_base_/posedual.py'
]
model = dict(head=dict(decoder=dict(
    input_size=(64, 64), heatmap_size=(16, 16), sigma=1)), **_base_.posedual)
""")
    cfg = Config.fromfile(path)
    random_weights(cfg.model)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    losses = model.loss(*random_batch(cfg))
    assert set(losses) == {
        f'net{i}/loss_{part}'
        for i in range(2)
        for part in ('sup', 'unsup')
    }
    sum(losses.values()).backward()
    for number, net in enumerate(model.networks):
        for part in ('sup', 'unsup'):
            assert 0 < losses[f'net{number}/loss_{part}'] < math.inf
        grads = [
            p.grad for p in net.backbone.parameters()
            if p.requires_grad and p.grad is not None
        ]
        assert any(grad.abs().max() > 0 for grad in grads)


# --------------------------------------------------------- two iterations


@pytest.fixture(scope='session')
def coco_root(tmp_path_factory):
    """A folder laid out as COCO: real persons if there are, else generated."""
    data = os.environ.get('SEMIPOSE_DATA')
    root = tmp_path_factory.mktemp('data')
    files = {}
    if data and Path(data, 'coco17').is_dir():
        source = Path(data, 'coco17').resolve()
        for part in ('train', 'val'):
            files[part] = (source / 'annotations' /
                           f'person_keypoints_{part}2017_mini.json',
                           source / f'{part}2017')
    else:
        source = make_people(tmp_path_factory.mktemp('generated') / 'people')
        for part in ('train', 'val'):
            files[part] = (source / 'annotations' /
                           f'person_keypoints_{part}.json',
                           source / 'images' / part)
    (root / 'coco' / 'annotations').mkdir(parents=True)
    (root / 'coco' / 'person_detection_results').mkdir()
    # the excerpt has other names for its files
    (root / 'coco17').mkdir()
    (root / 'coco17' / 'annotations').symlink_to(root / 'coco/annotations')
    for part, (ann_file, images) in files.items():
        for ending in ('', '_mini'):
            name = f'person_keypoints_{part}2017{ending}.json'
            (root / 'coco/annotations' / name).symlink_to(ann_file)
        (root / 'coco' / f'{part}2017').symlink_to(images)
        (root / 'coco17' / f'{part}2017').symlink_to(images)
    (root / 'coco' / 'unlabeled2017').symlink_to(files['val'][1])
    content = json.loads(files['val'][0].read_text())
    detections = [
        dict(image_id=a['image_id'], category_id=1, bbox=a['bbox'], score=0.9)
        for a in content.pop('annotations')
    ]
    # a detector finds other things as well
    detections.insert(0, dict(detections[0], category_id=18))
    (root / 'coco/annotations/image_info_unlabeled2017.json').write_text(
        json.dumps(content))
    (root / 'coco/person_detection_results/COCO_unlabeled2017_detections_'
     'person_faster_rcnn.json').write_text(json.dumps(detections))
    return root


def options(*more):
    """Two iterations of two pairs, and a short test."""
    return [
        'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
        'train_dataloader.dataset.unlabeled.indices=4',
        'val_dataloader.dataset.indices=3', 'val_dataloader.batch_size=2',
        'val_dataloader.num_workers=0', 'train_cfg.max_epochs=1',
        'default_hooks.logger.interval=1',
        'default_hooks.checkpoint.interval=1',
        'default_hooks.checkpoint.save_best=None',
        'default_hooks.checkpoint.save_optimizer=False', 'log_level=WARNING',
        *more
    ]


#: Teaching from the second iteration on.
TEACH = ('custom_hooks.2.burn_in=1', 'custom_hooks.2.ramp_up=0')
RANDOM = ('model.backbone.init_cfg=None', )
RANDOM_PEER = ('model.peers.0.backbone.init_cfg=None', )


def check_run(work_dir, metrics):
    """A run of two iterations leaves losses, scores and a checkpoint."""
    log, = work_dir.glob('*/vis_data/2*.json')
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [entry for entry in entries if 'loss' in entry]
    assert [entry['iter'] for entry in steps] == [1, 2]
    assert all(0 < entry['loss'] < math.inf for entry in steps)
    scores, = (entry for entry in entries if 'loss' not in entry)
    for metric in metrics:
        assert -1 <= scores[metric] <= 1
    state = torch.load(work_dir / 'epoch_1.pth', weights_only=True)
    assert state['meta']['iter'] == 2
    return steps, scores, state['state_dict']


def check_dual(run):
    """Teaching takes place in the second iteration, for both networks."""
    (first, second), scores, state = run
    for name in ('net0/loss_unsup', 'net1/loss_unsup'):
        assert name not in first and second[name] > 0
    assert second['net1/loss_sup'] > 0
    assert any(key.startswith('peers.1.') for key in state)
    assert any(key.startswith('ensemble/') for key in scores)


@pytest.fixture
def train(tmp_path, monkeypatch, no_variables, no_yapf):
    """Call tools/train.py in this process, and check what it leaves."""
    monkeypatch.syspath_prepend(osp.join(ROOT, 'tools'))
    spec = importlib.util.spec_from_file_location(
        'train_tool', osp.join(ROOT, 'tools', 'train.py'))
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setenv('LOCAL_RANK', '0')

    def run(name, *args, cfg_options=(), metrics=('PCK@0.2', 'AUC')):
        # the tool may set what was unset, so that it is restored
        for variable in VARIABLES:
            if variable not in os.environ:
                monkeypatch.setenv(variable, '')
                monkeypatch.delenv(variable)
        work_dir = tmp_path / 'run'
        monkeypatch.setattr(
            sys,
            'argv',
            [
                'train.py',
                str(CONFIGS / name),
                '--work-dir',
                str(work_dir),
                *args,
                '--cfg-options',
                *options(*cfg_options),
                # one process has one visualizer of a name
                f'visualizer.name={tmp_path}'
            ])
        tool.main()
        return check_run(work_dir, metrics)

    return run


@pytest.mark.parametrize('name, labels', [('mobilenetv2_lspet', 100),
                                          ('mobilenetv2_mouse9', 50)])
def test_posedual_on_real_data(train, data_root, name, labels):
    check_dual(
        train(
            f'posedual_{name}.py',
            '--data-root',
            str(data_root),
            '--num-labels',
            str(labels),
            cfg_options=TEACH + RANDOM))


@pytest.mark.parametrize('name', ['mobilenetv2_lspet', 'mobilenetv2_mouse9'])
def test_supervised_on_real_data(train, data_root, name):
    steps, _, state = train(
        f'supervised_{name}.py',
        '--data-root',
        str(data_root),
        cfg_options=RANDOM)
    assert not any('unsup' in key or 'net1' in key for key in steps[1])
    assert not any(key.startswith('peers.') for key in state)


def test_given_backbone_weights(train, data_root, tmp_path):
    """Training starts from them in both networks."""
    given = os.environ.get('SEMIPOSE_MOBILENETV2') or str(
        data_root.parent / 'weights' / 'mobilenet_v2_imagenet.pth')
    if not osp.isfile(given):
        pytest.skip('needs a file in SEMIPOSE_MOBILENETV2')
    weights = torch.load(given, weights_only=True)
    weights = weights.get('state_dict', weights)
    _, _, state = train(
        'posedual_mobilenetv2_lspet.py',
        '--data-root',
        str(data_root),
        '--backbone-weights',
        given,
        cfg_options=('optim_wrapper.optimizer.lr=0', ))
    for prefix in ('', 'peers.1.'):
        name = f'{prefix}backbone.conv1.conv.weight'
        stored = next(v for k, v in weights.items()
                      if k.endswith('conv1.conv.weight'))
        assert torch.equal(state[name], stored)


def test_generated_people(train, people_root, monkeypatch):
    monkeypatch.setenv('SEMIPOSE_OWN', str(people_root))
    check_dual(
        train(
            'posedual_res18slim_own.py',
            cfg_options=TEACH + RANDOM,
            metrics=('PCK@0.2', 'coco/AP')))


def test_generated_people_supervised(train, people_root, monkeypatch):
    monkeypatch.setenv('SEMIPOSE_OWN', str(people_root))
    train('supervised_res18slim_own.py', metrics=('PCK@0.2', 'coco/AP'))


@pytest.mark.parametrize('name', [
    'posedual_res18_coco17.py', 'posedual_res18_coco1k.py',
    'paper/posedual_res18_coco1k.py'
])
def test_subsets_of_coco(train, coco_root, name):
    more = () if 'paper' in name else TEACH
    run = train(
        name,
        '--data-root',
        str(coco_root),
        '--num-labels',
        '3',
        cfg_options=(*more, *RANDOM, *RANDOM_PEER),
        metrics=('coco/AP', 'net1/coco/AP'))
    if 'paper' in name:
        # there without burn-in
        assert run[0][0]['net0/loss_unsup'] > 0
    else:
        check_dual(run)


def test_the_main_config(coco_root, tmp_path):
    """HRNet-W48 at 384x288, as a user calls it."""
    env = dict(os.environ, SEMIPOSE_DATA=str(coco_root))
    done = subprocess.run([
        sys.executable,
        osp.join(ROOT, 'tools', 'train.py'),
        str(CONFIGS / 'posedual_hrnet_w48_coco.py'), '--work-dir',
        str(tmp_path / 'run'), '--cfg-options', *options(*TEACH, *RANDOM)
    ],
                          cwd=tmp_path,
                          env=env,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          universal_newlines=True)
    assert done.returncode == 0, done.stdout[-3000:]
    check_dual(check_run(tmp_path / 'run', ('coco/AP', 'ensemble/coco/AP')))
    # half a gigabyte
    (tmp_path / 'run' / 'epoch_1.pth').unlink()
