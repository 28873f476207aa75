# Copyright (c) semipose_mm authors.
"""Tests of MMPose's inference with our configs and checkpoints."""
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmpose.apis import (MMPoseInferencer, Pose2DInferencer, inference_topdown,
                         init_model)
from people_toys import own_config

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

# a process in which the plugin cannot be imported
STOCK_SCRIPT = """
import json
import sys


class Refuse:

    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'semipose_mm':
            raise ImportError('the plugin is not here')


sys.meta_path.insert(0, Refuse())
config, checkpoint, out, device, *images = sys.argv[1:]
import torch
torch.load(checkpoint, map_location='cpu', weights_only=True)
from mmpose.apis import inference_topdown, init_model
model = init_model(config, checkpoint, device=device)
found = [inference_topdown(model, image)[0].pred_instances for image in images]
with open(out, 'w') as file:
    json.dump(
        dict(
            model=type(model).__name__,
            num_keypoints=model.dataset_meta['num_keypoints'],
            keypoints=[f.keypoints.tolist() for f in found],
            scores=[f.keypoint_scores.tolist() for f in found],
            plugin='semipose_mm' in sys.modules), file)
"""


@pytest.fixture(scope='module')
def images(people_root):
    folder = people_root / 'images' / 'val'
    return [str(path) for path in sorted(folder.iterdir())][:NUM_IMAGES]


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
    results = []
    for number, weights in enumerate((own, peer)):
        path = str(folder / f'{number}.pth')
        torch.save(dict(state_dict=weights, meta={}), path)
        results.append(predict(stock_config, path, images))
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


@pytest.mark.parametrize(
    'inferencer', [
        lambda config, checkpoint: Pose2DInferencer(
            config, checkpoint, device='cpu', det_model='whole_image'),
        lambda config, checkpoint: MMPoseInferencer(
            pose2d=config,
            pose2d_weights=checkpoint,
            device='cpu',
            det_model='whole_image'),
    ],
    ids=['Pose2DInferencer', 'MMPoseInferencer'])
def test_inferencers(trained, networks, images, tmp_path, inferencer):
    run = inferencer(trained.config, trained.checkpoint)
    results = list(
        run(images, vis_out_dir=str(tmp_path), pred_out_dir=str(tmp_path)))
    for result, path, points, scores in zip(results, images, *networks[0]):
        instance = result['predictions'][0][0]
        assert_same([instance['keypoints'], instance['keypoint_scores']],
                    [points[0], scores[0]])
        name = os.path.basename(path)
        assert cv2.imread(str(tmp_path / name)).shape == \
            cv2.imread(path).shape
        stored = json.loads(
            (tmp_path / name.replace('.jpg', '.json')).read_text())
        assert_same([stored[0]['keypoints']], [points[0]])
    assert len(results) == len(images)


def test_stock_config_without_the_plugin(trained, networks, images,
                                         stock_config, tmp_path):
    script, out = tmp_path / 'infer.py', tmp_path / 'out.json'
    script.write_text(STOCK_SCRIPT)
    env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    done = subprocess.run([
        sys.executable,
        str(script), stock_config, trained.checkpoint,
        str(out), 'cpu', *images
    ],
                          cwd=tmp_path,
                          env=env,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          universal_newlines=True)
    assert done.returncode == 0, done.stdout[-3000:]
    found = json.loads(out.read_text())
    assert found['model'] == 'TopdownPoseEstimator' and not found['plugin']
    assert found['num_keypoints'] == 17
    assert_same([found['keypoints'], found['scores']], networks[0])
    # strict is off there, so peers are only mentioned
    assert 'unexpected key' in done.stdout and 'peers.1.' in done.stdout
    assert 'missing keys' not in done.stdout


def test_selected_network(trained, networks, images):
    options = {'model.test_cfg.network': 1}
    assert_same(
        predict(trained.config, trained.checkpoint, images, options),
        networks[1])


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
