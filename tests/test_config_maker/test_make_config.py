# Copyright (c) semipose_mm authors.
"""Tests of make_config.py: it writes configs that train, or nothing."""
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_config_toys import (MOBILENET, RTMPOSE, SHUFFLENET, call, make_birds,
                              options, short)
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import inference_topdown, init_model
from mmpose.registry import DATASETS, MODELS
from people_toys import ROOT

TRAIN = 'annotations/person_keypoints_train.json'
VAL = 'annotations/person_keypoints_val.json'


@pytest.fixture(scope='module')
def birds(people_root, tmp_path_factory):
    return make_birds(people_root, tmp_path_factory.mktemp('own') / 'birds')


@pytest.fixture(scope='module')
def made(birds, tmp_path_factory):
    """A config for five keypoints, in a folder that was moved since."""
    folder = tmp_path_factory.mktemp('made')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call(patch, 'configs/birds.py', *options(birds), '--recipe',
             'posedual')
    moved = shutil.move(str(folder / 'configs'), str(folder / 'moved'))
    return Path(moved, 'birds.py')


def test_files(made):
    assert sorted(p.name for p in made.parent.iterdir()) == [
        'birds.py', 'birds_keypoints.py', 'birds_train.json', 'birds_val.json'
    ]
    text = made.read_text()
    assert len(text.splitlines()) < 100
    assert all(
        len(line) < 80 for line in text.splitlines()
        if str(made.parents[1]) not in line and '/' not in line)
    # heatmaps, five keypoints, split, boxes, burn-in: each says why
    assert text.count('\n#') >= 5


def test_config(made):
    cfg = Config.fromfile(made)
    assert cfg.custom_imports.imports == ['semipose_mm']
    assert cfg.model.type == 'SemiPoseEstimator'
    assert cfg.model.head.out_channels == 5
    assert cfg.model.head.decoder.heatmap_size == (16, 16)
    assert cfg.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    steps = [t.type for t in cfg.train_dataloader.dataset.labeled.pipeline]
    assert steps == [
        'LoadImage', 'GetBBoxCenterScale', 'RandomFlip', 'EasyAffine',
        'TopdownAffine', 'GenerateTarget', 'PackPoseInputs'
    ]
    # boxes of 256x192 shrink to those of 64x64
    cut, = cfg.model.views[0].ops
    assert cut.num == 3 and cut.half_size == (3, 5) and cut.jitter == 2.9
    # nothing of the base's data is left
    for part in (cfg.val_dataloader, cfg.test_dataloader):
        assert set(part.dataset) == {
            'type', 'metainfo', 'ann_file', 'data_prefix', 'pipeline',
            'test_mode'
        }
    assert cfg.train_cfg == dict(
        type='SemiPoseIterTrainLoop', max_iters=3000, val_interval=300)
    assert cfg.optim_wrapper.optimizer.lr == 5e-4
    assert cfg.optim_wrapper.optimizer.type == 'Adam'
    # whoever has no sigmas has no AP either
    assert [m.type for m in cfg.val_evaluator] == ['BoxPCK', 'PixelError']
    assert cfg.default_hooks.checkpoint.save_best == 'PCK@0.1'


def test_split(made, birds):
    parts = [
        json.loads((made.parent / f'birds_{part}.json').read_text())
        for part in ('train', 'val')
    ]
    names = [{i['file_name'] for i in part['images']} for part in parts]
    whole = json.loads((birds / TRAIN).read_text())
    assert [len(one) for one in names] == [4, 1]
    assert names[0] | names[1] == {i['file_name'] for i in whole['images']}
    count = sum(len(part['annotations']) for part in parts)
    assert count == len(whole['annotations'])


def test_trains_and_predicts(made, birds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = short(made, tmp_path / 'run')
    Runner.from_cfg(cfg).train()
    log, = (tmp_path / 'run').glob('*/vis_data/2*.json')
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [e['iter'] for e in entries if 'loss' in e] == [1, 2]
    assert all(0 < e['loss'] < math.inf for e in entries if 'loss' in e)
    assert 'net1/loss_unsup' in entries[1]
    assert 0 <= entries[-1]['ensemble/PCK@0.2'] <= 1
    checkpoint, = (tmp_path / 'run').glob('iter_2.pth')
    model = init_model(str(made), str(checkpoint), device='cpu')
    assert model.dataset_meta['flip_indices'] == [0, 2, 1, 4, 3]
    image = next((birds / 'images/val').iterdir())
    result, = inference_topdown(model, str(image))
    assert result.pred_instances.keypoints.shape == (1, 5, 2)


def test_known_keypoints_are_those_of_mmpose(people_root, tmp_path,
                                             monkeypatch, capsys):
    source = people_root / 'annotations'
    made = call(monkeypatch, tmp_path / 'out.py',
                *options(people_root)[:4], '--unlabeled',
                source / 'image_info_unlabeled.json', '--boxes',
                source / 'unlabeled_detections.json', '--val',
                people_root / VAL, '--input-size', 64, 96, '--batch-size', 3,
                '--lr', '2e-4', '--iterations', 40)
    assert [p.name for p in tmp_path.iterdir()] == ['out.py']
    cfg = Config.fromfile(made)
    data = cfg.train_dataloader
    assert data.dataset.labeled.metainfo == dict(
        from_file='configs/_base_/datasets/coco.py')
    assert data.dataset.unlabeled.score_thr == 0.5
    assert (data.batch_size, cfg.train_cfg.max_iters) == (3, 40)
    assert cfg.optim_wrapper.optimizer.lr == 2e-4
    assert cfg.custom_hooks[-1].burn_in == 0.75
    assert cfg.default_hooks.checkpoint.save_best == 'coco/AP'
    assert cfg.val_dataloader.dataset.ann_file == str(people_root / VAL)
    for part, folder in ((data.dataset.labeled,
                          'train'), (cfg.val_dataloader.dataset, 'val'),
                         (data.dataset.unlabeled, 'unlabeled')):
        assert part.data_prefix.img == f'{people_root}/images/{folder}/'
    dataset = DATASETS.build(data.dataset)
    detections = json.loads((source / 'unlabeled_detections.json').read_text())
    kept = sum(one['score'] >= 0.5 for one in detections)
    assert dataset.num_unlabeled == kept < len(detections)
    said = capsys.readouterr().out
    for line in ('17, those of coco.py in MMPose', 'exchanges 8 pairs',
                 'recipe: labels_then_ema: one network learns',
                 'see docs/results.md\n', 'input: 64x96 pixels',
                 'a pixel of the heatmap is ', f'unlabeled: {kept}',
                 '40 of 3 labels', f'semipose train {os.path.relpath(made)}'):
        assert line in said


@pytest.mark.parametrize('recipe, networks, ratio', [('posedual', 2, 1),
                                                     ('posecons', 1, 1),
                                                     ('supervised', 1, 0)])
def test_recipes(birds, tmp_path, monkeypatch, recipe, networks, ratio):
    made = call(monkeypatch, tmp_path / 'out.py', *options(birds), '--recipe',
                recipe)
    cfg = Config.fromfile(made)
    model = MODELS.build(cfg.model)
    assert model.num_networks == networks
    assert len(model.plan.routes) == networks * ratio
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert dataset.unlabeled_ratio == ratio and dataset.num_unlabeled == 8
    hooks = [hook.type for hook in cfg.custom_hooks]
    assert ('MutualTeachingHook' in hooks) == bool(ratio)


def test_default_recipe(birds, tmp_path, monkeypatch):
    made = call(monkeypatch, tmp_path / 'out.py', *options(birds))
    cfg = Config.fromfile(made)
    model = MODELS.build(cfg.model)
    assert model.num_networks == 1
    assert [route.teachers for route in model.plan.routes] == [('teacher', )]
    # cutouts as for the other recipes, in crops like those of labels
    cut, = cfg.model.views[0].ops
    assert (cut.num, cut.half_size) == (3, (3, 5))
    assert model.plan.warp is None and model.plan.views[0].cropped
    dataset = cfg.train_dataloader.dataset
    assert dataset.easy == [] and not dataset.sources
    box = dataset.labeled.pipeline[-4]
    assert 20 <= box.rotate_factor <= 80 and box.scale_factor[0] < 1
    assert '68 % of the labeled poses are within' in made.read_text()
    assert cfg.custom_hooks[-1] == dict(
        type='MutualTeachingHook', burn_in=0.75, ramp_up=0, on_collapse='warn')
    assert '# 2250 iterations on labels alone' in made.read_text()
    assert made.read_text().startswith('# labels_then_ema: one network')


def test_a_teacher_for_photographs(birds, tmp_path, monkeypatch, capsys):
    """Images that differ are taught by an average that follows on."""
    rng = np.random.default_rng(0)
    (tmp_path / 'photographs').mkdir()
    for i in range(100):
        picture = rng.integers(0, 256, (64, 64, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f'photographs/{i}.png'), picture)
    given = options(birds)
    given[5] = tmp_path / 'photographs'
    made = call(monkeypatch, tmp_path / 'out.py', *given)
    cfg = Config.fromfile(made)
    plan = MODELS.build(cfg.model).plan
    assert [route.teachers for route in plan.routes] == [('ema0', )]
    assert cfg.custom_hooks[-1].burn_in == 0.5
    assert '# 1500 iterations on labels alone' in made.read_text()
    assert '# the average, which follows on' in made.read_text()
    assert 'teacher: the average, which follows' in capsys.readouterr().out


def test_supervised_without_unlabeled(birds, tmp_path, monkeypatch, capsys):
    given = options(birds)
    del given[4:6]
    made = call(monkeypatch, tmp_path / 'out.py', *given)
    assert 'recipe: supervised: labels alone, for comparison; no unlabeled ' \
        'images\n' in capsys.readouterr().out
    dataset = DATASETS.build(Config.fromfile(made).train_dataloader.dataset)
    assert set(dataset[0]['inputs']) == {'labeled', 'labeled_uniforms'}


def test_simcc(birds, tmp_path, monkeypatch):
    made = call(monkeypatch, tmp_path / 'out.py', *options(birds, RTMPOSE))
    cfg = Config.fromfile(made)
    head = cfg.model.head
    assert (head.input_size, head.in_featuremap_size) == ((64, 64), (2, 2))
    assert head.decoder.input_size == (64, 64)
    # a quarter of the square root of the bins, as in the zoo
    assert head.decoder.sigma == pytest.approx((2.83, 2.83), abs=0.01)
    # as on CPU, and hooks that ours replace are named
    assert cfg.model.backbone.norm_cfg.type == 'BN'
    assert 'without mmdet.PipelineSwitchHook of the base' in made.read_text()
    assert cfg.optim_wrapper.optimizer.lr == 1e-3
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
    assert cfg.optim_wrapper.paramwise_cfg.norm_decay_mult == 0


def test_two_backbones(birds, tmp_path, monkeypatch):
    made = call(monkeypatch, tmp_path / 'out.py', *options(birds), '--peer',
                SHUFFLENET)
    model = MODELS.build(Config.fromfile(made).model)
    kinds = [type(n.backbone).__name__ for n in model.networks]
    assert kinds == ['MobileNetV2', 'ShuffleNetV2']
    assert all(n.head.out_channels == 5 for n in model.networks)


def test_imports_of_the_base_are_kept(birds, tmp_path, monkeypatch):
    base = tmp_path / 'own_base.py'
    base.write_text(f'_base_ = {MOBILENET!r}\n'
                    "custom_imports = dict(imports=['json'])\n")
    made = call(monkeypatch, tmp_path / 'out.py', *options(birds, str(base)))
    assert Config.fromfile(made).custom_imports.imports == [
        'json', 'semipose_mm'
    ]


@pytest.mark.long
def test_installed_package(birds, tmp_path):
    """Without the repository, from another folder."""
    package = tmp_path / 'site' / 'semipose_mm'
    skipped = shutil.ignore_patterns('.mim', '__pycache__')
    shutil.copytree(Path(ROOT, 'semipose_mm'), package, ignore=skipped)
    for name in ('configs', 'tools'):
        shutil.copytree(
            Path(ROOT, name), package / '.mim' / name, ignore=skipped)
    cwd = tmp_path / 'elsewhere'
    cwd.mkdir()
    env = dict(os.environ, PYTHONPATH=str(package.parent))
    code = ('import runpy, sys; sys.argv = sys.argv[1:];'
            "sys.path[0] = sys.argv[0].rpartition('/')[0];"
            "runpy.run_path(sys.argv[0], run_name='__main__');"
            'import semipose_mm;'
            "print(semipose_mm.config_path('_base_/posedual.py'))")
    done = subprocess.run([
        sys.executable, '-c', code,
        str(package / '.mim/tools/make_config.py'), *options(birds),
        '--no-timing'
    ],
                          cwd=cwd,
                          env=env,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode == 0, done.stdout
    # the name that it has by default
    assert (cwd / 'labels_then_ema_person_keypoints_train.py').is_file()
    assert done.stdout.splitlines()[-1] == str(
        package / '.mim/configs/_base_/posedual.py')


def test_validating_images_are_not_unlabeled(birds, tmp_path, monkeypatch):
    """All images in one folder, of which some have labels."""
    args = options(birds)
    args[args.index('--unlabeled') + 1] = str(birds / 'images/train')
    made = call(monkeypatch, tmp_path / 'out.py', *args)
    listed = (tmp_path / 'out_unlabeled.txt').read_text().split()
    val = json.loads((tmp_path / 'out_val.json').read_text())['images']
    names = {Path(one['file_name']).name for one in val}
    everything = {path.name for path in (birds / 'images/train').iterdir()}
    assert {Path(one).name for one in listed} == everything - names
    cfg = Config.fromfile(made)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert dataset.num_unlabeled == len(listed)


def test_boxes_on_validating_images_are_told(birds, tmp_path, monkeypatch,
                                             capsys):
    copied = tmp_path / 'boxed.json'
    shutil.copy(birds / TRAIN, copied)
    args = options(birds) + ['--unlabeled-images', birds / 'images/train']
    args[args.index('--unlabeled') + 1] = copied
    call(monkeypatch, tmp_path / 'out.py', *args)
    assert 'samples on images that validate' in capsys.readouterr().out


def test_real_data(data_root, tmp_path, monkeypatch):
    folder = data_root / 'mouse9' / 'annotations'
    made = call(monkeypatch, tmp_path / 'mouse.py', '--base', MOBILENET,
                '--labeled', folder / 'train_labeled_50.json', '--unlabeled',
                folder / 'image_info_unlabeled_800.json', '--val',
                folder / 'test_248.json', '--input-size', 64, 64)
    cfg = Config.fromfile(made)
    # names that tell nothing, and a list without boxes
    steps = [t.type for t in cfg.train_dataloader.dataset.labeled.pipeline]
    assert 'RandomFlip' not in steps and not cfg.model.test_cfg.flip_test
    assert (tmp_path / 'mouse_unlabeled.txt').is_file()
    assert cfg.train_dataloader.batch_size == 32
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (50, 800)
