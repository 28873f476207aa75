# Copyright (c) semipose_mm authors.
"""Tests of converting released weights: what the written files predict."""
import json
import os
import re
from collections import OrderedDict

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import inference_topdown, init_model
from released_toys import make, released_state
from toy_tools import ROOT, run_command

from semipose_mm.checkpoint.official import OWN_CHANNELS
from semipose_mm.checkpoint.official.config import MEAN, STD

# union channels without labels
UNTRAINED = dict(
    coco=[0, 7, 8, 9, 10, 12, 13], mpii=[7, 9, 11, 12, 20, 21, 22, 23])


def networks_of(kind, count, dataset='coco'):
    options = dict(last='final_layer_1') if kind[0] == 'resnet' and \
        count == 2 else dict()
    return [
        make(*kind, seed, UNTRAINED[dataset], **options)
        for seed in range(count)
    ]


def save(nets, path, legacy=False, **entries):
    """Save as the released code does."""
    state = OrderedDict(released_state(nets))
    torch.save(
        dict(state_dict=state, epoch=30, model='dual', **entries),
        path,
        _use_new_zipfile_serialization=not legacy)
    return path


def picture(width, height, path):
    """An image with structure in every channel, and a box that is cropped to
    exactly the image."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    assert cv2.imwrite(str(path), image)
    half = np.array([width, height]) / 2 / 1.25
    center = np.array([width, height]) / 2
    return str(path), np.concatenate([center - half, center + half])[None]


@torch.no_grad()
def released_heatmaps(net, path):
    """The released code's preprocessing: BGR under RGB statistics."""
    image = torch.from_numpy(cv2.imread(path)).permute(2, 0, 1)[None] / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return net((image - mean) / std)[0].numpy()


def peaks(heatmaps):
    """Coordinates in the input, a quarter towards the higher neighbor.

    Returns:
        tuple[np.ndarray, np.ndarray]: Points, and whether they lie inside.
    """
    found, inner = [], []
    for heatmap in heatmaps:
        height, width = heatmap.shape
        y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
        point = np.array([x, y], float)
        inner.append(1 < x < width - 1 and 1 < y < height - 1)
        if inner[-1]:
            point += 0.25 * np.sign([
                heatmap[y, x + 1] - heatmap[y, x - 1],
                heatmap[y + 1, x] - heatmap[y - 1, x]
            ])
        found.append(4 * point)
    return np.array(found), np.array(inner)


def check_predictions(config, checkpoint, expected, image, boxes):
    """Heatmaps and keypoints of a written config are the expected ones."""
    cfg = Config.fromfile(config)
    cfg.model.test_cfg.output_heatmaps = True
    model = init_model(cfg, str(checkpoint), device='cpu')
    check_model(model, expected, image, boxes)
    return model


def check_model(model, expected, image, boxes):
    """What it predicts is the expected."""
    sample = inference_topdown(model, image, boxes)[0]
    found = sample.pred_fields.heatmaps.numpy()
    assert np.abs(expected).max() > 0.1 and expected.std() > 0.02
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    points = sample.pred_instances.keypoints[0]
    # of the found maps, as random ones have near ties; a map without any
    # positive value has no peak, (0, 0) there and (-1, -1) in MMPose
    some = found.max(axis=(1, 2)) > 0
    assert some.mean() > 0.5
    expected, inner = peaks(found[some])
    difference = np.abs(points[some] - expected)
    assert inner.any() and difference[inner].max() < 1e-3
    # on the border MMPose still shifts along it, the released code does not
    assert difference.max() < 1 + 1e-3


CASES = [
    pytest.param(('resnet', 18), 2, 'coco', (192, 256), (), id='res18'),
    pytest.param(('resnet', 50),
                 1,
                 'coco', (96, 128), ('--input-size', '96x128'),
                 id='res50'),
    pytest.param(('resnet', 18),
                 2,
                 'mpii', (128, 128), ('--input-size', '128x128'),
                 id='mpii'),
    pytest.param(('hrnet', 32),
                 2,
                 'coco', (64, 64), ('--input-size', '64x64'),
                 id='w32'),
    pytest.param(('hrnet', 48),
                 1,
                 'coco', (64, 96), ('--input-size', '64x96'),
                 marks=pytest.mark.slow,
                 id='w48'),
]


@pytest.mark.parametrize('kind, count, dataset, size, options', CASES)
def test_predictions_are_those_of_the_released_networks(
        kind, count, dataset, size, options, tmp_path, capsys):
    nets = networks_of(kind, count, dataset)
    source = save(
        nets, tmp_path / 'in.pth.tar', legacy=True, perf=np.float64(0.4))
    image, boxes = picture(*size, tmp_path / 'image.png')
    expected = [
        released_heatmaps(net, image)[list(OWN_CHANNELS[dataset])]
        for net in nets
    ]
    out = tmp_path / 'out.pth'

    run_command('convert', source, out, *options)
    assert f'{count} x ' in capsys.readouterr().out
    config = tmp_path / 'out.py'
    model = check_predictions(config, out, expected[0], image, boxes)
    assert type(model).__name__ == 'SemiPoseEstimator'
    assert model.head.out_channels == 24 and model.num_networks == count
    assert model.dataset_meta['dataset_name'] == dataset
    if count == 2:
        model.test_cfg.network = 1
        check_model(model, expected[1], image, boxes)
        model.test_cfg.network = 'ensemble'
        check_model(model, (expected[0] + expected[1]) / 2, image, boxes)

    number = count - 1
    out, config = tmp_path / 'stock.pth', tmp_path / 'stock.py'
    run_command('convert', source, out, '--stock', '--network', number,
                *options)
    assert "'semipose_mm'" not in config.read_text()
    model = check_predictions(config, out, expected[number], image, boxes)
    assert type(model).__name__ == 'TopdownPoseEstimator'
    assert model.head.out_channels == len(OWN_CHANNELS[dataset])


@pytest.fixture(scope='module')
def dual(tmp_path_factory):
    """A PoseDual file, ResNet-18 of COCO, and its networks."""
    nets = networks_of(('resnet', 18), 2)
    path = tmp_path_factory.mktemp('released') / 'COCO1K_PoseDual.pth.tar'
    return save(nets, path), nets


@pytest.fixture(scope='module')
def written(dual, tmp_path_factory):
    """Its conversions with all channels and with COCO's alone."""
    folder = tmp_path_factory.mktemp('written')
    small = ('--input-size', '96x128')
    run_command('convert', dual[0], folder / 'union.pth', *small)
    run_command('convert', dual[0], folder / 'own.pth', '--joints', 'own',
                *small)
    return folder


def test_written_files(dual, written):
    text = (written / 'union.py').read_text()
    assert '# Weights of COCO1K_PoseDual.pth.tar' in text
    assert re.search(r'^# sha256 [0-9a-f]{64}$', text, re.M)
    assert all(len(line) < 80 for line in text.splitlines())
    assert str(written) not in text
    cfg = Config.fromfile(written / 'own.py')
    assert cfg.model.data_preprocessor.bgr_to_rgb is False
    assert cfg.model.data_preprocessor.mean == list(MEAN)
    assert cfg.model.data_preprocessor.std == list(STD)
    assert not cfg.model.test_cfg.flip_test
    assert cfg.val_dataloader.dataset.bbox_file == ''
    saved = torch.load(written / 'own.pth', weights_only=True)
    assert saved['meta']['converted_from'] == 'COCO1K_PoseDual.pth.tar'
    assert saved['meta']['sha256'] in text
    np.testing.assert_allclose(MEAN, 255 * np.array([0.485, 0.456, 0.406]))
    np.testing.assert_allclose(STD, 255 * np.array([0.229, 0.224, 0.225]))


def scores(config, checkpoint, people_root, tmp_path, **test_cfg):
    """Evaluate on generated people."""
    cfg = Config.fromfile(config)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.load_from = str(checkpoint)
    cfg.model.test_cfg.update(test_cfg)
    cfg.visualizer = None
    cfg.default_hooks.pop('visualization')
    loader = cfg.test_dataloader
    loader.update(num_workers=0, persistent_workers=False, batch_size=8)
    loader.dataset.update(
        data_root=str(people_root),
        ann_file='annotations/person_keypoints_val.json',
        data_prefix=dict(img='images/val/'),
        indices=2)
    cfg.test_evaluator.ann_file = str(people_root / 'annotations' /
                                      'person_keypoints_val.json')
    cfg.test_evaluator.outfile_prefix = str(tmp_path / config.stem)
    for name in ('train', 'val'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg.pop(f'{name}_{part}', None)
    for name in ('optim_wrapper', 'param_scheduler', 'auto_scale_lr'):
        cfg.pop(name, None)
    return Runner.from_cfg(cfg).test()


def test_evaluation(written, people_root, tmp_path, no_yapf):
    """All channels and COCO's alone score alike, also mirrored."""
    found = [
        scores(
            written / f'{name}.py',
            written / f'{name}.pth',
            people_root,
            tmp_path,
            flip_test=True) for name in ('union', 'own')
    ]
    assert found[0] == pytest.approx(found[1])
    assert {'coco/AP', 'net1/coco/AP', 'ensemble/coco/AP'} <= set(found[0])
    results = [
        json.loads((tmp_path / f'{name}.keypoints.json').read_text())
        for name in ('union', 'own')
    ]
    assert len(results[0]) == 2
    for one, other in zip(*results):
        np.testing.assert_allclose(
            one['keypoints'], other['keypoints'], rtol=1e-4, atol=1e-3)


def test_the_users_own_config(dual, written, tmp_path, refused):
    base = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
            'td-hm_res50_8xb64-210e_coco-256x192.py')
    small = 'backbone=dict(depth=18), head=dict(in_channels=512)'
    configs = dict(
        rgb=f'model = dict({small})',
        deep='model = dict(data_preprocessor=dict(bgr_to_rgb=False))',
        mean='model = dict(data_preprocessor=dict(bgr_to_rgb=False, '
        f'mean=[0, 0, 0]), {small})',
        good='model = dict(data_preprocessor=dict(bgr_to_rgb=False), '
        f'{small})',
        broken='model = dict(backbone=dict(depth=17))\n'
        'model.data_preprocessor = dict(bgr_to_rgb=False, '
        f'mean={list(MEAN)}, std={list(STD)})')
    out = tmp_path / 'out.pth'
    for name, text in configs.items():
        path = tmp_path / f'{name}.py'
        path.write_text(f"_base_ = '{base}'\n{text}\n")
    words = dict(
        rgb='bgr_to_rgb=True, but these networks were trained on BGR images '
        'under RGB statistics: it must be False (--help',
        deep='entries differ, first',
        mean='model.data_preprocessor.mean=[0, 0, 0], but these',
        broken='cannot be used')
    for name, expected in words.items():
        message = refused('convert', dual[0], out, '--stock', '--config',
                          tmp_path / f'{name}.py')
        assert expected in message and f'{name}.py' in message
        assert not out.exists()
    run_command('convert', dual[0], out, '--stock', '--config',
                tmp_path / 'good.py')
    assert sorted(
        os.listdir(tmp_path)) == sorted([f'{name}.py'
                                         for name in configs] + ['out.pth'])
    message = refused('convert', dual[0], tmp_path / 'two.pth', '--joints',
                      'own', '--config', tmp_path / 'good.py')
    assert 'peers.1.' in message


class Odd:
    """What no weights need."""


def test_files_that_are_refused(dual, tmp_path, refused):
    path, out = tmp_path / 'in.pth.tar', tmp_path / 'out.pth'

    def told(*options):
        message = refused('convert', path, out, *options)
        assert not out.exists() and not (tmp_path / 'out.py').exists()
        return message

    for legacy in (False, True):
        save(dual[1][:1], path, legacy=legacy, optimizer=Odd())
        message = told()
        assert 'names test_convert_official.Odd, which' in message
        save(dual[1][:1], path, legacy=legacy)
        content = path.read_bytes()
        for length in (0, 10, len(content) // 2, len(content) - 1000):
            path.write_bytes(content[:length])
            assert 'it cannot be read, as it is cut off' in told()
    path.write_text('<!DOCTYPE html><title>Quota exceeded</title>')
    assert 'cannot be read' in told()
    torch.save(dict(state_dict={'fc.weight': torch.zeros(3)}), path)
    assert 'is not converted: it seems to be something else' in told()
    nets = [dual[1][0], *networks_of(('resnet', 34), 1)]
    save(nets, path)
    assert 'ResNet-18 and ResNet-34' in told()
    save([make('resnet', 18, 0)], path)
    assert '--dataset' in told()
    assert 'holds one network, 0' in told('--stock', '--network', '1')
    state = released_state(dual[1])
    state['resnet2.prm.weight'] = torch.zeros(2)
    torch.save(state, path)
    assert '1 entries differ, first peers.1.backbone.prm.weight' in told()


def test_options_that_are_refused(dual, written, tmp_path, refused):
    source, out = dual[0], tmp_path / 'out.pth'
    for options, words in [
        ((tmp_path / 'no.pth', out), 'no.pth does not exist'),
        ((source, source), 'written over'),
        ((source, out, '--config-out', out), '.py'),
        ((source, tmp_path / 'a.py'), 'written over'),
        ((source, tmp_path), 'is a folder'),
        ((source, written / 'own.pth'), '--overwrite'),
        ((source, out, '--network', '1'), '--stock'),
        ((source, out, '--stock', '--joints', 'union'), 'MMPose alone'),
        ((source, out, '--input-size', '256x192'), '192x256'),
        ((source, out, '--input-size', '100x128'), 'multiples of 32'),
        ((source, out, '--input-size', '256'), 'width and height'),
        ((source, out, '--sigma', '0'), 'positive'),
        ((source, out, '--dataset', 'mpii'),
         'never trained on pelvis, thorax, upper_neck, head_top'),
        ((source, out, '--config', tmp_path / 'no.py'), 'no.py'),
    ]:
        assert words in refused('convert', *options)
    assert os.listdir(tmp_path) == []


def test_options(dual, tmp_path):
    out, config = tmp_path / 'new' / 'a.pth', tmp_path / 'conf' / 'b.py'
    args = (dual[0], out, '--config-out', config, '--stock', '--input-size',
            '288x384')
    run_command('convert', *args)
    cfg = Config.fromfile(config)
    assert cfg.model.head.decoder.sigma == 3
    assert cfg.codec.heatmap_size == (72, 96)
    run_command('convert', *args, '--sigma', '2.5', '--overwrite')
    cfg = Config.fromfile(config)
    assert cfg.model.head.decoder.sigma == 2.5
    pipelines = [
        cfg.train_dataloader.dataset.pipeline,
        cfg.val_dataloader.dataset.pipeline,
        cfg.test_dataloader.dataset.pipeline
    ]
    for pipeline in pipelines:
        crop, = [t for t in pipeline if t.type == 'TopdownAffine']
        assert crop.input_size == (288, 384)
    target = pipelines[0][-2]
    assert target.type == 'GenerateTarget' and target.encoder.sigma == 2.5
    assert os.listdir(out.parent) == ['a.pth']
    assert ROOT not in config.read_text()
