# Copyright (c) semipose_mm authors.
"""Tests of the configs: they parse, build, combine and train."""
import ast
from pathlib import Path

import mmpose
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from recipe_toys import CONFIGS, VARIABLES, random_weights

from semipose_mm.cli.options import METHODS
from semipose_mm.structures import count_draws

LEAVES = sorted(
    str(path.relative_to(CONFIGS)) for path in CONFIGS.rglob('*.py')
    if path.parent.name != '_base_')
BASES = sorted(CONFIGS.glob('_base_/*.py'))
ZOO = Path(mmpose.__file__).parent / '.mim' / 'configs'
CROSSED = [(0, [1]), (1, [0])]
BEST_PAIR = [(0, [0, 1]), (1, [0, 1]), (2, [0, 1, 'last0', 'last1'])]
#: Who is taught by whom, by the first word of a file.
ROUTES = dict(
    supervised=[],
    posecons=[(0, [0])],
    labels=[(0, ['teacher'])],
    posedual=CROSSED,
    methods=CROSSED,
    sspcm=BEST_PAIR,
    distillation=[(0, ['big'])])
#: Recipes of ours for photographs, whose average follows on.
FOLLOWING = [
    f'labels_then_ema_{one}.py'
    for one in ('mobilenetv2_lspet', 'rtmpose-t_lspet', 'res18_coco1k')
]
NETWORKS = dict(posedual=2, methods=2, sspcm=3)


def top_level_names(path):
    """Names that a config file defines."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        for target in getattr(node, 'targets', []):
            names |= {n.id for n in ast.walk(target) if hasattr(n, 'id')}
    return names - {'_base_'}


def taught(model):
    """Students and their teachers."""
    return [(r.student, list(r.teachers)) for r in model.plan.routes]


# ------------------------------------------------------------- all of them


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
    assert model.num_networks == NETWORKS.get(method, 1)
    follows = name in FOLLOWING
    routes = [(0, ['ema0'])] if follows else ROUTES[method]
    assert taught(model) == routes
    # more than there are would end the first step
    needed = count_draws(lambda draws: model.plan.draw(
        draws, model.output.codec, model.output.num_joints))
    assert needed <= cfg.train_dataloader.dataset.get('num_uniforms', 512)
    assert model.head.decoder.input_size == model.output.codec.input_size
    ratio = cfg.train_dataloader.dataset.get('unlabeled_ratio', 1)
    assert ratio == bool(routes)
    # the learning rate falls within the training
    by_epoch = cfg.train_cfg.type == 'SemiPoseTrainLoop'
    small = 'by_epoch' in cfg.param_scheduler[-1] and not \
        cfg.param_scheduler[-1].by_epoch and by_epoch
    if not small:
        size = cfg.train_cfg['max_epochs' if by_epoch else 'max_iters']
        assert cfg.param_scheduler[-1].by_epoch == by_epoch
        assert 0 < max(cfg.param_scheduler[-1].milestones) < size
    # running statistics of ranks are averaged by these, not by custom hooks
    assert cfg.default_hooks.checkpoint.type == 'SafeCheckpointHook'
    assert cfg.val_cfg.type == 'SemiPoseValLoop'
    assert cfg.optim_wrapper.type == 'FiniteOptimWrapper'
    hooks = [hook.type for hook in cfg.custom_hooks]
    assert ('MutualTeachingHook' in hooks) == bool(routes)
    if method == 'labels':
        assert cfg.custom_hooks[0].burn_in == (0.5 if follows else 0.75)


@pytest.mark.parametrize('name', [n for n in LEAVES if 'supervised' in n])
def test_a_baseline_differs_in_nothing_but_the_method(name, no_variables):
    one = Config.fromfile(CONFIGS / name)
    two = Config.fromfile(CONFIGS / name.replace('supervised', 'posedual'))
    two.merge_from_dict(
        dict(
            model=dict(
                peers=[], routes=[], views=[], warp=None, sup_weight=1.0),
            train_dataloader=dict(dataset=dict(unlabeled_ratio=0))))
    if one.train_dataloader.dataset.unlabeled is None:
        two.train_dataloader.dataset.unlabeled = None
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
    for variable in VARIABLES:
        if variable not in ('SEMIPOSE_DATA', 'SEMIPOSE_NUM_LABELS',
                            'SEMIPOSE_HARD', 'SEMIPOSE_GPUS',
                            'SEMIPOSE_ITERATIONS'):
            monkeypatch.setenv(variable, f'{variable}.pth')
    cfg = Config.fromfile(CONFIGS / 'posedual_mobilenetv2_lspet.py')
    dataset = cfg.train_dataloader.dataset
    assert dataset.labeled.data_root == '/some/where/lspet/'
    assert dataset.unlabeled.data_root == '/some/where/lspet/'
    assert cfg.test_dataloader.dataset.data_root == '/some/where/lspet/'
    assert dataset.labeled.ann_file.endswith('train_labeled_100.json')
    assert cfg.model.backbone.init_cfg.checkpoint == \
        'SEMIPOSE_MOBILENETV2.pth'

    for name, variable in (('posedual_res50_coco',
                            'RESNET50'), ('posedual_res101_coco', 'RESNET101'),
                           ('paper/posedual_res152_coco', 'RESNET152'),
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
        testdev = 'testdev' in name
        assert cfg.model.test_cfg.flip_test == testdev
        for loader in (cfg.val_dataloader, cfg.test_dataloader):
            detected = testdev and loader is cfg.test_dataloader
            assert bool(loader.dataset.get('bbox_file')) == detected
            codec = cfg.model.head.decoder
            affine, = (
                t for t in loader.dataset.pipeline
                if t.type == 'TopdownAffine')
            assert tuple(affine.input_size) == tuple(codec.input_size)


# ------------------------------------------------------- rows by variables


@pytest.mark.parametrize('hard, source, cut', [
    ('affine', 'easy', []),
    ('cutout', 'easy', ['JointCutout']),
    ('randaug', 'randaug', []),
    ('randaug_cutout', 'randaug', ['JointCutout']),
])
def test_hard_views_by_name(monkeypatch, no_variables, hard, source, cut):
    monkeypatch.setenv('SEMIPOSE_HARD', hard)
    for name in LEAVES:
        cfg = Config.fromfile(CONFIGS / name)
        if 'supervised' in name:
            assert cfg.model['views'] == []
        if name.split('/')[-1].split('_')[0] in ('supervised', 'methods',
                                                 'sspcm'):
            continue
        view, = cfg.model['views']
        # ours starts from a crop of its own
        ours = name.startswith('labels')
        assert view.source == ('hard' if ours else source)
        found = [op.type.replace('Legacy', '') for op in view.ops]
        assert found == cut
        sources = cfg.train_dataloader.dataset.sources
        assert list(sources) == (['randaug']
                                 if 'randaug' in hard and not ours else [])
        for pipeline in sources.values():
            assert [t.type for t in pipeline] == ['RandAugment']
            assert pipeline[0].magnitude == 20


@pytest.mark.parametrize('labels, hard, length, steps', [
    ('1000', 'affine', 30, [20, 25]),
    ('1000', 'cutout', 70, [50, 60]),
    ('1000', 'randaug', 70, [50, 60]),
    ('5000', 'affine', 100, [70, 90]),
    ('all', 'cutout', 100, [70, 90]),
])
def test_schedules_of_the_subsets(monkeypatch, no_variables, labels, hard,
                                  length, steps):
    monkeypatch.setenv('SEMIPOSE_NUM_LABELS', labels)
    monkeypatch.setenv('SEMIPOSE_HARD', hard)
    name = 'posedual_res18_coco1k.py'
    cfg = Config.fromfile(CONFIGS / 'paper' / name)
    assert cfg.train_cfg.max_epochs == length
    assert cfg.param_scheduler[-1].milestones == steps
    number = 149_813 if labels == 'all' else int(labels)
    assert cfg.train_dataloader.dataset.labeled.indices == number
    # the corrected recipe counts iterations, and shares them among GPUs
    cfg = Config.fromfile(CONFIGS / name)
    length = 70 if labels == '1000' else 100
    assert cfg.train_cfg.max_iters == length * (149_813 // 32)
    monkeypatch.setenv('SEMIPOSE_GPUS', '4')
    shared = Config.fromfile(CONFIGS / name)
    assert shared.train_cfg.max_iters == length * (149_813 // 4 // 32)
    ratio = [
        c.param_scheduler[-1].milestones[0] / c.train_cfg.max_iters
        for c in (cfg, shared)
    ]
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-3)


def test_letter_of_the_paper(no_variables):
    for path in CONFIGS.glob('paper/*.py'):
        cfg = Config.fromfile(path)
        assert cfg.model.warp.type == 'LegacyHardAffine'
        if not path.name.startswith('methods'):
            op, = cfg.model['views'][0].ops
            assert (op.type, op.num_candidates) == ('LegacyJointCutout', 24)
        assert cfg.train_dataloader.sampler.labeled_replacement
        optimizer = cfg.optim_wrapper.optimizer
        assert (optimizer.type, optimizer.lr) == ('Adam', 1e-3)
        assert not optimizer.get('weight_decay')
        schedule, = cfg.param_scheduler
        assert schedule.type == 'MultiStepLR' and schedule.by_epoch
        hook, = (h for h in cfg.custom_hooks if h.type == 'MutualTeachingHook')
        assert not hook.get('burn_in') and not hook.get('ramp_up')


# ------------------------------------------------------ methods by variable

#: Who teaches whom, weight of labels, hard views (``+`` is one after another).
BY_NAME = dict(
    multiaugs=(CROSSED, 0.5, 'JO+CO JC+CM JC JO'),
    multiaugs_single=([(0, [0])], 1., 'JO+CO JC+CM JC JO'),
    sspcm=(BEST_PAIR, 0.5, 'JO'),
    mean_teacher=([(0, ['ema0'])], 1., 'JC'),
    scarcenet_like=([(0, ['ema0']), (0, [0])], 2., 'CO'),
    pseudo_hms_like=([(0, [0, 1]), (1, [0, 1])], 0.5, 'JC'))
LETTERS = dict(
    JointCutOcclude='JO', JointCutout='JC', Cutout='CO', CutMix='CM')


def letters(views):
    """Hard views in the words of the table above."""
    return ' '.join('+'.join(LETTERS[op.type.replace('Legacy', '')]
                             for op in view.ops) for view in views)


def test_methods_have_names():
    assert set(METHODS) == set(BY_NAME)


@pytest.mark.parametrize('method', METHODS)
def test_method(monkeypatch, no_variables, method):
    monkeypatch.setenv('SEMIPOSE_METHOD', method)
    routes, sup_weight, views = BY_NAME[method]
    cfg = Config.fromfile(CONFIGS / 'methods_res18_coco1k.py')
    random_weights(cfg.model)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert taught(model) == routes
    assert (model.sup_weight, model.base_unsup_weight) == (sup_weight, 1.)
    assert letters(cfg.model['views']) == views
    # who teaches is trained, or follows who is
    assert {r for r, _ in routes} == set(range(model.num_networks))
    assert bool(cfg.model.get('share_warp')) == ('multiaugs' in method
                                                 or method == 'sspcm')

    full = Config.fromfile(CONFIGS / 'methods_res101_coco.py').model
    assert letters(full['views']) == ' '.join(views.split()[:2])
    assert full.backbone.depth == 101
    small = Config.fromfile(CONFIGS / 'methods_mobilenetv2_mouse9.py').model
    assert all(op.half_size == (5, 10) for view in small['views']
               for op in view.ops)
    letter = Config.fromfile(CONFIGS / 'paper' / 'methods_res18_coco1k.py')
    ops = [op for view in letter.model['views'] for op in view.ops]
    assert letters(letter.model['views']) == views
    for op in ops:
        assert op.type.startswith('Legacy')
        assert op.get('num_candidates', 24) == 24
        assert ('num_candidates' in op) == ('Joint' in op.type)
        if 'CutMix' in op.type:
            assert op.num == (5 if method == 'multiaugs' else 2)
    for teacher in letter.model.get('teachers', {}).values():
        assert teacher.type == 'EMATeacher' or teacher.norm == 'train'


@pytest.mark.parametrize('method, labels, length, steps', [
    ('multiaugs', '1000', 30, [20, 25]),
    ('multiaugs_single', '5000', 70, [50, 60]),
    ('multiaugs', '10000', 100, [70, 90]),
    ('sspcm', '1000', 100, [70, 90]),
    ('mean_teacher', '1000', 70, [50, 60]),
])
def test_schedules_of_the_methods(monkeypatch, no_variables, method, labels,
                                  length, steps):
    monkeypatch.setenv('SEMIPOSE_METHOD', method)
    monkeypatch.setenv('SEMIPOSE_NUM_LABELS', labels)
    name = 'methods_res18_coco1k.py'
    cfg = Config.fromfile(CONFIGS / 'paper' / name)
    assert cfg.train_cfg.max_epochs == length
    assert cfg.param_scheduler[-1].milestones == steps
    cfg = Config.fromfile(CONFIGS / name)
    assert cfg.train_cfg.max_iters == length * cfg.epoch
    assert cfg.param_scheduler[-1].milestones == [s * cfg.epoch for s in steps]
