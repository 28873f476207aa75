# Copyright (c) semipose_mm authors.
"""Tests of the pictures of predictions."""
import math
from importlib import import_module

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.apis import inference_topdown, init_model
from mmpose.structures import PoseDataSample
from toy_tools import run_command
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from semipose_mm.evaluation import BoxPCK

WIDTH, HEIGHT = 150, 200
META = dict(
    skeleton_links=[(0, 1), (1, 2)],
    skeleton_link_colors=np.array([[255, 0, 0], [0, 255, 0]]),
    keypoint_colors=np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]]))


@pytest.fixture
def plot(monkeypatch):
    return import_module('semipose_mm.analysis.plot_predictions')


def test_truth_and_predictions(plot, trained, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'new' / 'predictions.png'
    run_command('plot predictions', trained.config, trained.checkpoint,
                '--also', f'again={trained.config}:{trained.checkpoint}',
                '--num', 2, '--out', out)
    assert f'{out} is written' in capsys.readouterr().out
    sheet = cv2.imread(str(out))
    assert sheet.shape == (22 + 2 * (HEIGHT + 4), 3 * (WIDTH + 4), 3)
    truth, one, two = (
        sheet[22:, i * (WIDTH + 4):i * (WIDTH + 4) + WIDTH].astype(int)
        for i in range(3))
    assert (one == two).all()
    assert np.abs(truth - one).max() > 50


def test_more_images_than_there_are(plot, trained, tmp_path):
    models = {'x': (trained.config, trained.checkpoint)}
    path = str(tmp_path / 'a.png')
    assert plot.write_predictions(models, path, num=99) == 4
    assert cv2.imread(path).shape[0] == 22 + 4 * (HEIGHT + 4)


def test_a_pose_is_drawn_where_it_is(plot):
    image = np.full((100, 100, 3), 200, np.uint8)
    # the box is as wide as high, so a pixel is 150 / 48 in the cell
    box = np.array([30., 40., 70., 80.])
    keypoints = np.array([[50., 60.], [60., 60.], [40., 60.]])
    picture = plot.draw_pose(image, keypoints, np.array([True, True, False]),
                             META, box)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    scale = WIDTH / 48
    column = int(WIDTH / 2 + 10 * scale)
    # colors of the meta information are RGB, pictures BGR
    assert tuple(picture[100, 75]) == (0, 0, 255)
    assert tuple(picture[100, column]) == (0, 255, 0)
    assert tuple(picture[100, 90]) == (0, 0, 255)
    # the joint that cannot be seen, and its limb, are left out
    assert (picture[90:110, :60] == 200).all()
    # 100 pixels of image cover the cell but for what lies above
    assert (picture[0] == 200).all()


def test_without_a_skeleton(plot):
    meta = dict(META, skeleton_links=[], skeleton_link_colors=np.array([]))
    picture = plot.draw_pose(
        np.zeros((50, 50, 3), np.uint8), np.array([[25., 25.]] * 3),
        np.ones(3, bool), meta, np.array([0., 0., 50., 50.]))
    assert picture[100, 75].any()


@pytest.mark.parametrize('args, message', [
    (['no.py', 'CHECKPOINT'], 'config file no.py does not exist'),
    (['CONFIG', 'no.pth'], 'checkpoint file no.pth does not exist'),
    (['CONFIG', 'CHECKPOINT', '--num', '0'], '--num is 0'),
    (['CONFIG', 'CHECKPOINT', '--limit', '0'], '--limit is 0'),
    (['CONFIG', 'CHECKPOINT', '--order', 'middle'], 'invalid choice'),
    (['CONFIG', 'CHECKPOINT', '--order', 'lost'], 'compares two checkpoints'),
    (['CONFIG', 'CHECKPOINT', '--network', '2'
      ], '--network is 2, but must be one of 0, 1, ensemble'),
    (['CONFIG', 'CHECKPOINT', '--num', '1', '--out', 'no.ending'
      ], 'the picture no.ending cannot be written'),
    (['CONFIG', 'CHECKPOINT', '--also', 'prediction=CONFIG:CHECKPOINT'
      ], 'two columns have the title prediction'),
    (['CONFIG', 'CHECKPOINT', '--also', 'x=y'
      ], '--also takes NAME=CONFIG:CHECKPOINT, got x=y'),
    (['CONFIG', 'CHECKPOINT', '--also', 'x=CONFIG:no.pth'], 'does not exist'),
])
def test_mistakes(trained, tmp_path, monkeypatch, refused, args, message):
    monkeypatch.chdir(tmp_path)
    places = dict(CONFIG=trained.config, CHECKPOINT=trained.checkpoint)
    assert message in refused('plot predictions',
                              *[places.get(arg, arg) for arg in args])
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------- scores


@pytest.fixture
def scores(monkeypatch):
    return import_module('semipose_mm.analysis.sample_scores')


def random_truth(scores, seed, visible=None):
    rng = np.random.default_rng(seed)
    x, y, w, h = rng.uniform(10, 200, 4)
    if visible is None:
        visible = rng.uniform(size=17) > 0.3
    truth = scores.Truth(
        dict(area=w * h / 2), rng.uniform(0, 300, (17, 2)), visible,
        np.array([x, y, x + w, y + h]))
    return truth, truth.keypoints + rng.normal(size=(17, 2)) * 8


@pytest.mark.parametrize('seed', range(5))
def test_error_is_that_of_the_metric(scores, seed):
    """The caption's mean is over the errors that BoxPCK thresholds."""
    truth, keypoints = random_truth(scores, seed)
    sample = PoseDataSample()
    sample.gt_instances = InstanceData(
        keypoints=truth.keypoints[None],
        keypoints_visible=truth.visible[None].astype(np.float32),
        bboxes=truth.bbox[None])
    sample.pred_instances = InstanceData(keypoints=keypoints[None])
    metric = BoxPCK()
    Evaluator(metric).process([sample])
    assert scores.relative_error(truth, keypoints) == pytest.approx(
        metric.results[0].mean())


@pytest.mark.parametrize('seed', range(5))
def test_similarity_is_that_of_coco(scores, seed):
    truth, keypoints = random_truth(scores, seed)
    box = truth.bbox[:2].tolist() + (truth.bbox[2:] - truth.bbox[:2]).tolist()
    marked = np.hstack([truth.keypoints, 2 * truth.visible[:, None]])
    coco = COCO()
    coco.dataset = dict(
        images=[dict(id=1)],
        categories=[dict(id=1)],
        annotations=[
            dict(
                id=1,
                image_id=1,
                category_id=1,
                iscrowd=0,
                area=truth.info['area'],
                num_keypoints=int(truth.visible.sum()),
                bbox=box,
                keypoints=marked.ravel().tolist())
        ])
    coco.createIndex()
    # what loading annotations from a file sets
    coco.anno_file = []
    found = np.hstack([keypoints, np.ones((17, 1))])
    evaluation = COCOeval(
        coco,
        coco.loadRes([
            dict(
                image_id=1,
                category_id=1,
                keypoints=found.ravel().tolist(),
                score=1.)
        ]), 'keypoints')
    evaluation.evaluate()
    assert scores.similarity(truth, keypoints,
                             evaluation.sigmas) == pytest.approx(
                                 evaluation.ious[1, 1].item(), abs=1e-6)


def test_samples_without_truth_have_no_score(scores):
    truth, keypoints = random_truth(scores, 0, np.zeros(17, bool))
    assert math.isnan(scores.relative_error(truth, keypoints))
    assert math.isnan(scores.similarity(truth, keypoints, np.ones(17)))


@pytest.mark.parametrize('order, higher, expected', [
    ('first', False, [0, 1, 2, 3]),
    ('best', False, [2, 0, 3, 1]),
    ('worst', False, [3, 0, 2, 1]),
    ('best', True, [3, 0, 2, 1]),
    ('worst', True, [2, 0, 3, 1]),
])
def test_ranking(scores, order, higher, expected):
    values = [0.5, float('nan'), 0.1, 0.9]
    assert scores.ranking(values, order, higher) == expected


@pytest.mark.parametrize('order, higher, expected', [
    ('best', False, [1, 3, 2, 0]),
    ('worst', False, [2, 3, 1, 0]),
    ('gained', False, [3, 1, 2, 0]),
    ('lost', False, [2, 1, 3, 0]),
    ('gained', True, [2, 1, 3, 0]),
    ('lost', True, [3, 1, 2, 0]),
])
def test_ranking_of_several(scores, order, higher, expected):
    """By their mean, or by the last one against the first."""
    nan = float('nan')
    ranked = scores.ranked_samples(
        [[nan, 0.1, 0.2, 0.9], [nan, 9, 9, 8.9], [nan, 0.2, 0.9, 0.2]], order,
        higher)
    assert ranked == expected


# ------------------------------------------------------------ predictions


def test_predictions_are_those_of_mmpose(scores, trained):
    """In batches, as MMPose predicts one box after the other."""
    model = init_model(trained.config, trained.checkpoint, device='cpu')
    cfg = Config.fromfile(trained.config)
    cfg.test_dataloader.batch_size = 3
    data = scores.build_data(cfg)
    found = scores.predict(model, data, cfg.test_dataloader)['net0'][..., :2]
    truths = scores.read_truth(data)
    assert len(found) == len(truths) == 4
    for truth, keypoints in zip(truths, found):
        one, = inference_topdown(model, truth.info['img_path'],
                                 truth.bbox[None])
        assert np.allclose(
            keypoints, one.pred_instances.keypoints[0], atol=1e-3)


def test_networks(plot, scores, trained):
    models = {'x': (trained.config, trained.checkpoint)}
    found = {}
    for network in ('0', '1', 'ensemble', None):
        shown, _ = scores.collect(models, 2, network=network)
        found[network] = np.stack([s.predictions['x'] for s in shown])
    assert np.array_equal(found['0'], found[None])
    assert not np.array_equal(found['0'], found['1'])
    assert not np.array_equal(found['0'], found['ensemble'])


def test_a_teacher(plot, scores, taught):
    models = {'x': (taught.config, taught.checkpoint)}
    found = [
        np.stack([
            s.predictions['x']
            for s in scores.collect(models, 2, network=network)[0]
        ]) for network in ('0', 'ema0')
    ]
    assert not np.array_equal(*found)


def test_detections_give_way_to_annotated_boxes(scores, trained):
    cfg = Config.fromfile(trained.config)
    cfg.test_dataloader.dataset.bbox_file = 'nowhere.json'
    assert len(scores.build_data(cfg)) == 4
    assert cfg.test_dataloader.dataset.bbox_file == 'nowhere.json'


@pytest.mark.parametrize('order, limit, score', [('best', None, 'oks'),
                                                 ('worst', 3, 'error')])
def test_orders(scores, trained, order, limit, score, tmp_path):
    """By what all find hard, not the first one alone."""
    other = torch.load(trained.checkpoint, weights_only=True)
    for key in ('head.final_layer.weight', 'backbone.conv1.weight'):
        torch.nn.init.normal_(other['state_dict'][key])
    torch.save(other, tmp_path / 'other.pth')
    models = dict(
        one=(trained.config, trained.checkpoint),
        two=(trained.config, str(tmp_path / 'other.pth')))
    everyone, _ = scores.collect(models, 99, score=score, limit=limit)
    assert [s.position for s in everyone] == list(range(limit or 4))
    means = {s.position: np.mean([*s.scores.values()]) for s in everyone}
    shown, meta = scores.collect(models, 2, order, score, limit=limit)
    assert [s.position for s in shown] == sorted(
        means, key=means.get, reverse=True)[:2]
    assert all(s.scores['one'] != s.scores['two'] for s in shown)
    assert meta['num_keypoints'] == 17


def test_single_pictures(plot, trained, tmp_path, monkeypatch):
    run_command('plot predictions', trained.config, trained.checkpoint,
                '--order', 'worst', '--num', 3, '--out',
                tmp_path / 'sheet.png', '--single-dir', tmp_path / 'single')
    names = sorted(p.name for p in (tmp_path / 'single').iterdir())
    assert [name[:5] for name in names] == ['0000_', '0001_', '0002_']
    picture = cv2.imread(str(tmp_path / 'single' / names[0]))
    assert picture.shape == (22 + 404, 2 * 304, 3)
    assert cv2.imread(str(tmp_path / 'sheet.png')).shape[0] == 22 + 3 * 204


def test_caption(monkeypatch):
    pictures = import_module('semipose_mm.analysis.pictures')
    picture = np.full((60, 100, 3), 7, np.uint8)
    pictures.caption(picture, 'error 0.123 of a very long name indeed')
    assert (picture[:44] == 7).all()
    strip = picture[44:]
    assert strip.min() < 100 and (strip[:, -2:] == 255).all()


def test_a_picture_is_whole_or_not_there(tmp_path, monkeypatch):
    pictures = import_module('semipose_mm.analysis.pictures')
    path = tmp_path / 'a.png'
    pictures.write_picture(str(path), np.zeros((4, 4, 3), np.uint8))
    before = path.read_bytes()

    def half(name, picture):
        with open(name, 'w') as file:
            file.write('half')
        return False

    monkeypatch.setattr(cv2, 'imwrite', half)
    with pytest.raises(OSError, match='a.png cannot be written'):
        pictures.write_picture(str(path), np.zeros((4, 4, 3), np.uint8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
