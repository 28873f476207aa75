# Copyright (c) semipose_mm authors.
"""Tests of MMPose's inference with our configs and checkpoints."""
import json
import os
import shutil
import subprocess
import sys

import cv2
import inference_toys
import numpy as np
import pytest
import torch
from inference_toys import every_way, make_video
from mmcv import VideoReader
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import MMPoseInferencer, inference_topdown, init_model
from people_toys import own_config

from semipose_mm.checkpoint.export import (describe, make_checkpoint,
                                           make_export)

NUM_IMAGES = 3

# the same architecture without the plugin
STOCK = """
_base_ = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
          'td-hm_res50_8xb64-210e_coco-256x192.py')
codec = dict(input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)
model = dict(
    backbone=dict(
        depth=18, stem_channels=8, base_channels=8, init_cfg=None),
    head=dict(
        in_channels=64, deconv_out_channels=(16, 16, 16), decoder=codec),
    test_cfg=dict(flip_test=False))
load, pack = _base_.val_pipeline[:2], _base_.val_pipeline[-1]
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
val_dataloader = test_dataloader = dict(
    dataset=dict(pipeline=[*load, affine, pack]))
"""


@pytest.fixture(scope='module')
def media(people_root, tmp_path_factory):
    """A folder of images and a video of the same."""
    root = tmp_path_factory.mktemp('media')
    (root / 'images').mkdir()
    files = sorted((people_root / 'images' / 'val').iterdir())[:NUM_IMAGES]
    for path in files:
        shutil.copy(path, root / 'images')
    video = make_video(str(root / 'video.avi'), list(map(str, files)))
    return dict(folder=str(root / 'images'), video=video)


@pytest.fixture(scope='module')
def images(media):
    folder = media['folder']
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


@pytest.fixture(scope='module')
def stock_config(tmp_path_factory):
    path = tmp_path_factory.mktemp('stock') / 'stock.py'
    path.write_text(STOCK)
    return str(path)


def keypoints(model, images):
    """Keypoints and scores of every image, whole images as boxes."""
    found = [
        inference_topdown(model, path)[0].pred_instances for path in images
    ]
    return (np.stack([f.keypoints for f in found]),
            np.stack([f.keypoint_scores for f in found]))


def predict(config, checkpoint, images, cfg_options=None):
    return keypoints(
        init_model(config, checkpoint, 'cpu', cfg_options), images)


class Networks(list):
    """Predictions of each network, and the networks themselves."""

    def __init__(self):
        super().__init__()
        self.models = []


@pytest.fixture(scope='module')
def networks(trained, stock_config, images, tmp_path_factory):
    """What each network predicts, by stock estimators of their weights."""
    state = torch.load(trained.checkpoint, weights_only=True)['state_dict']
    peer = {
        key[len('peers.1.'):]: value
        for key, value in state.items() if key.startswith('peers.1.')
    }
    own = {k: v for k, v in state.items() if not k.startswith('peers.')}
    assert set(own) == set(peer)
    folder = tmp_path_factory.mktemp('networks')
    results = Networks()
    for number, weights in enumerate((own, peer)):
        path = str(folder / f'{number}.pth')
        torch.save(dict(state_dict=weights, meta={}), path)
        model = init_model(stock_config, path, 'cpu')
        results.append(keypoints(model, images))
        results.models.append(model)
    # otherwise nothing below could tell them apart
    assert np.abs(results[0][0] - results[1][0]).max() > 1
    return results


def assert_same(found, expected):
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


def test_init_model(trained, networks, images):
    model = init_model(trained.config, trained.checkpoint, 'cpu')
    assert type(model).__name__ == 'SemiPoseEstimator'
    assert model.dataset_meta['num_keypoints'] == 17
    assert_same(keypoints(model, images), networks[0])


def test_boxes(trained, images):
    model = init_model(trained.config, trained.checkpoint, 'cpu')
    boxes = np.array([[5, 5, 60, 100], [0, 0, 96, 120]], np.float32)
    samples = inference_topdown(model, images[0], boxes)
    assert len(samples) == 2
    assert_same([samples[1].pred_instances.keypoints],
                [keypoints(model, images[:1])[0][0]])


def assert_every_way(found, networks, number, frames=None):
    """All ways found what a stock estimator of the network's weights does."""
    found = dict(found)
    if 'model' in found:
        assert found.pop('num_keypoints') == 17
        found.pop('model')
    for name, results in found.items():
        own = frames if name == 'frames' or name.endswith('/video') else \
            [a[:, 0] for a in networks[number]]
        points, scores = zip(*results)
        assert len(points) == NUM_IMAGES, name
        assert_same([points, scores], own)


@pytest.fixture(scope='module')
def frames(networks, media):
    """What each network predicts for the frames of the video."""
    results = []
    for model in networks.models:
        found = keypoints(model, list(VideoReader(media['video'])))
        results.append([a[:, 0] for a in found])
    return results


@pytest.mark.parametrize('with_config', [True, False])
def test_every_way(trained, networks, frames, media, tmp_path, with_config):
    found = every_way(
        trained.config if with_config else None,
        trained.checkpoint,
        **media,
        out=str(tmp_path))
    assert found.get('model', 'SemiPoseEstimator') == 'SemiPoseEstimator'
    assert len(found) == (10 if with_config else 3)
    assert_every_way(found, networks, 0, frames[0])


@pytest.fixture(scope='module')
def exported(trained, tmp_path_factory):
    """Network 1 without the plugin, by the functions of tools/export.py."""
    folder = tmp_path_factory.mktemp('exported')
    checkpoint = torch.load(trained.checkpoint, weights_only=True)
    export = make_export(Config.fromfile(trained.config), checkpoint, 1)
    about = describe(export, checkpoint, 'own', {}, {})
    files = str(folder / 'net1.py'), str(folder / 'net1.pth')
    torch.save(make_checkpoint(export, about), files[1])
    export.config.dump(files[0])
    return files


def test_devices_agree(trained, exported, networks, images, device):
    """The training checkpoint and the exported network."""
    files = (trained.config, trained.checkpoint), exported
    for number, (config, checkpoint) in enumerate(files):
        model = init_model(config, checkpoint, device)
        assert next(model.parameters()).device.type == device
        for found, expected in zip(keypoints(model, images), networks[number]):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=0.05)


@pytest.mark.long
def test_every_way_without_the_plugin(trained, networks, frames, media,
                                      exported, stock_config, tmp_path):
    """The training checkpoint in a stock config, and the exported one."""
    jobs = [(stock_config, trained.checkpoint), exported, (None, exported[1])]
    jobs = [
        dict(
            config=config,
            checkpoint=checkpoint,
            out=str(tmp_path / str(i)),
            **media) for i, (config, checkpoint) in enumerate(jobs)
    ]
    (tmp_path / 'jobs.json').write_text(json.dumps(jobs))
    env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    done = subprocess.run(
        [sys.executable, inference_toys.__file__, 'jobs.json', 'out.json'],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True)
    assert done.returncode == 0, done.stdout[-3000:]
    found = json.loads((tmp_path / 'out.json').read_text())
    for ways, job, number in zip(found, jobs, (0, 1, 1)):
        assert ways.get('model', 'TopdownPoseEstimator') == \
            'TopdownPoseEstimator'
        assert len(ways) == (10 if job['config'] else 3)
        assert_every_way(ways, networks, number, frames[number])
    # strict is off there, so peers are only mentioned
    assert 'unexpected key' in done.stdout and 'peers.1.' in done.stdout
    assert 'missing keys' not in done.stdout


def test_selected_network(trained, networks, images):
    options = {'model.test_cfg.network': 1}
    assert_same(
        predict(trained.config, trained.checkpoint, images, options),
        networks[1])


@pytest.mark.parametrize('name', ['ema0', 'snap1'])
def test_a_teacher_that_is_selected(taught, networks, stock_config, images,
                                    media, tmp_path, name):
    """By ``init_model`` and inferencers, where a third's files are gone."""
    state = torch.load(taught.checkpoint, weights_only=True)['state_dict']
    start = f'teachers.{name}.'
    own = {k[len(start):]: v for k, v in state.items() if k.startswith(start)}
    torch.save(dict(state_dict=own, meta={}), tmp_path / 'own.pth')
    expected = predict(stock_config, str(tmp_path / 'own.pth'), images)
    assert np.abs(expected[0] - networks[name == 'snap1'][0]).max() > 1
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = '{taught.config}'\n"
                     f"model = dict(test_cfg=dict(network='{name}'))\n")
    assert_same(predict(str(child), taught.checkpoint, images), expected)
    run = MMPoseInferencer(
        str(child), taught.checkpoint, device='cpu', det_model='whole_image')
    for image, points in zip(images, expected[0]):
        (person, ), = next(run(image))['predictions']
        np.testing.assert_allclose(
            person['keypoints'], points[0], rtol=1e-4, atol=1e-3)


def test_ensemble(trained, images):

    def heatmaps(network):
        model = init_model(
            trained.config, trained.checkpoint, 'cpu', {
                'model.test_cfg.network': network,
                'model.test_cfg.output_heatmaps': True
            })
        return model, [
            inference_topdown(model, path)[0].pred_fields.heatmaps
            for path in images
        ]

    model, ensemble = heatmaps('ensemble')
    for mean, one, other in zip(ensemble, heatmaps(0)[1], heatmaps(1)[1]):
        torch.testing.assert_close(mean, (one + other) / 2)
    # the peaks of the mean, brought back to the image by hand
    points, scores = keypoints(model, images)
    for path, maps, found, score in zip(images, ensemble, points, scores):
        peaks, expected = model.head.decoder.decode(maps.numpy())
        height, width = cv2.imread(path).shape[:2]
        # 3:4 of the input around the whole image, with MMPose's padding
        scale = 1.25 * max(width / 96, height / 128)
        peaks = (peaks - [48, 64]) * scale + [width / 2, height / 2]
        np.testing.assert_allclose(found, peaks, atol=0.1)
        np.testing.assert_allclose(score, expected, rtol=1e-4)


def test_one_network_for_inference(trained, networks, images):
    options = {'model.peers': [], 'model.routes': []}
    model = init_model(trained.config, trained.checkpoint, 'cpu', options)
    assert model.num_networks == 1 and not hasattr(model, 'peers')
    assert_same(keypoints(model, images), networks[0])


def test_edited_config_for_inference(trained, networks, images, tmp_path):
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = '{trained.config}'\n"
                     'model = dict(peers=[], routes=[])\n')
    assert_same(predict(str(child), trained.checkpoint, images), networks[0])


def test_a_stock_checkpoint_starts_every_network(stock_config, people_root,
                                                 tmp_path):
    torch.manual_seed(5)
    stock = init_model(stock_config, device='cpu')
    path = str(tmp_path / 'stock.pth')
    torch.save(dict(state_dict=stock.state_dict(), meta={}), path)
    cfg = own_config(people_root, tmp_path, load_from=path)
    runner = Runner.from_cfg(cfg)
    runner.load_or_resume()
    for number, net in enumerate(runner.model.networks):
        state = net.state_dict()
        for key, value in stock.state_dict().items():
            assert torch.equal(state[key], value), (number, key)
