# Copyright (c) semipose_mm authors.
"""Tests of ``semipose predict``."""
import csv
import json
import os
import os.path as osp
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch
from media_toys import picture, write_frames
from mmengine.config import Config
from mmpose.apis import inference_topdown, init_model
from mmpose.structures.bbox import bbox_xywh2xyxy
from PIL import Image
from toy_tools import ROOT, run_command

from semipose_mm.cli.commands.runs import predict as command
from semipose_mm.detection.journal import Journal

BATCH = 8


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    return write_frames(tmp_path_factory.mktemp('videos') / 'day1.avi', 30)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Images of two sizes; one is cut off, one OpenCV cannot decode."""
    folder = tmp_path_factory.mktemp('data') / 'images'
    folder.mkdir()
    for index, size in ((2, (96, 120)), (10, (80, 60)), (11, (96, 120))):
        cv2.imwrite(str(folder / f'img{index}.png'), picture(index, size))
    (folder / 'img9.png').write_bytes(
        (folder / 'img2.png').read_bytes()[:2000])
    with Image.open(folder / 'img2.png') as image:
        image.save(folder / 'img12.png', format='PCX')
    return str(folder)


@pytest.fixture
def predict(trained, tmp_path):
    """Call the command with the trained networks; gives the out folder."""

    def run(*args, out='out', model=trained):
        out = tmp_path / out
        run_command('predict', model.config, model.checkpoint, *args, '--out',
                    out, '--device', 'cpu', '--batch-size', BATCH)
        return out

    return run


def read(path):
    """Header rows, names of the rows, and poses (N, K, 3) of a csv."""
    with open(path, newline='') as file:
        rows = list(csv.reader(file))
    values = [[float(c or 'nan') for c in row[1:]] for row in rows[3:]]
    return rows[:3], [row[0]
                      for row in rows[3:]], np.reshape(values,
                                                       (len(values), -1, 3))


def expected(model, image, box=None, network=None):
    """What MMPose's own inference finds, (K, 3)."""
    if network is not None:
        model.test_cfg['network'] = network
    boxes = None if box is None else bbox_xywh2xyxy(
        np.array([box], np.float32))
    found = inference_topdown(model, image, boxes)[0].pred_instances
    return np.concatenate(
        [found.keypoints[0], found.keypoint_scores[0][:, None]], -1)


@pytest.fixture(scope='module')
def model(trained):
    return init_model(trained.config, trained.checkpoint, 'cpu')


def test_a_video_by_all_networks(predict, video, model, capsys):
    out = predict(video, '--boxes', 'whole', '--networks', 'all')
    said = capsys.readouterr().out
    assert 'day1: 30/30 frames' in said and 'ETA 0:00:00' in said
    assert sorted(os.listdir(out)) == ['day1.about.json'] + sorted(
        f'day1_{name}.{ending}' for name in ('net0', 'net1', 'ensemble')
        for ending in ('csv', 'json'))
    capture = cv2.VideoCapture(video)
    frames = [capture.read()[1] for _ in range(30)]
    joints = [model.dataset_meta['keypoint_id2name'][i] for i in range(17)]
    for name, network in (('net0', 0), ('net1', 1), ('ensemble', 'ensemble')):
        header, index, poses = read(out / f'day1_{name}.csv')
        scorer = f'own_{name}'
        assert header == [['scorer'] + [scorer] * 51,
                          ['bodyparts'] + [j for j in joints for _ in 'xyl'],
                          ['coords'] + ['x', 'y', 'likelihood'] * 17]
        assert index == [str(i) for i in range(30)]
        for number in (0, 7, 29):
            found = expected(model, frames[number], (0, 0, 95, 119), network)
            np.testing.assert_allclose(poses[number], found, atol=1e-4)
        coco = json.loads((out / f'day1_{name}.json').read_text())
        assert coco['categories'][0]['keypoints'] == joints
        assert [one['id'] for one in coco['images']] == list(range(30))
        assert coco['images'][3]['width'] == 96
        for number, one in enumerate(coco['annotations']):
            assert one['image_id'] == number and one['id'] == number + 1
            assert one['bbox'] == [0, 0, 95, 119]
            values = np.reshape(one['keypoints'], (-1, 3))
            assert np.array_equal(values[:, :2], poses[number, :, :2])
            assert (values[:, 2] == 2).all()
            assert one['keypoint_scores'] == poses[number, :, 2].tolist()
            assert abs(one['score'] - poses[number, :, 2].mean()) < 1e-5
    # otherwise nothing above could tell the networks apart
    assert (out /
            'day1_net0.csv').read_bytes() != (out /
                                              'day1_net1.csv').read_bytes()


def test_the_selected_network_alone(predict, video, trained, tmp_path):
    out = predict(video, '--boxes', '10,20,50,60', '--cfg-options',
                  'model.test_cfg.network=1')
    assert sorted(os.listdir(out)) == [
        'day1.about.json', 'day1_net1.csv', 'day1_net1.json'
    ]
    about = json.loads((out / 'day1.about.json').read_text())
    assert about['counts'] == dict(frames=30) and about['warnings'] == []
    assert about['config'] == trained.config
    assert about['checkpoint'] == trained.checkpoint
    scores = [
        one['score']
        for one in json.loads((out /
                               'day1_net1.json').read_text())['annotations']
    ]
    assert about['scores'] == dict(
        net1=pytest.approx(np.mean(scores), abs=1e-6))
    assert about['settings']['boxes'] == dict(
        kind='region', region=[10, 20, 50, 60])


def test_a_folder(predict, folder, model, capsys):
    out = predict(folder, '--boxes', 'whole')
    said = capsys.readouterr().out
    assert 'warning: 2 images have empty rows' in said
    _, names, poses = read(out / 'images_net0.csv')
    assert names == [f'{folder}/img{i}.png' for i in (2, 9, 10, 11, 12)]
    assert np.isnan(poses[[1, 4]]).all()
    for number, box in ((0, (0, 0, 95, 119)), (2, (0, 0, 79, 59))):
        found = expected(model, names[number], box, 0)
        np.testing.assert_allclose(poses[number], found, atol=1e-4)
    coco = json.loads((out / 'images_net0.json').read_text())
    assert [one['file_name'] for one in coco['images']] == names
    assert [one['image_id'] for one in coco['annotations']] == [0, 2, 3]


def test_the_boxes_of_a_test(trained, people_root, predict, tmp_path):
    """The same annotated boxes give what ``semipose test`` predicts."""
    run_command('test', trained.config, trained.checkpoint, '--boxes', 'gt',
                '--work-dir', tmp_path / 'work', '--dump',
                tmp_path / 'dump.pkl')
    import pickle
    samples = pickle.loads((tmp_path / 'dump.pkl').read_bytes())
    truth = people_root / 'annotations' / 'person_keypoints_val.json'
    images = people_root / 'images' / 'val'
    out = predict(images, '--boxes', truth)
    _, names, poses = read(out / 'val_net0.csv')
    boxes = json.loads((out / 'val_net0.json').read_text())['annotations']
    compared = 0
    for sample in samples:
        number = names.index(str(images / osp.basename(sample['img_path'])))
        x, y, w, h = next(b['bbox'] for b in boxes if b['image_id'] == number)
        found = sample['pred_instances']
        if np.abs(found['bboxes'][0] - [x, y, x + w, y + h]).max() > 1e-3:
            continue  # another person of this image
        compared += 1
        np.testing.assert_allclose(
            poses[number, :, :2], found['keypoints'][0], atol=1e-4)
    assert compared == len(names) > 0


def test_frames_without_a_box_are_empty(predict, video, tmp_path, capsys):
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(
        json.dumps([
            dict(image_id=i, category_id=1, bbox=[5, 5, 60, 80], score=1)
            for i in range(0, 30, 3)
        ]))
    out = predict(video, '--boxes', boxes)
    assert '20 frames have empty rows; the reason of 20: no box' in \
        capsys.readouterr().out
    _, _, poses = read(out / 'day1_net0.csv')
    assert np.array_equal(np.isnan(poses).all((1, 2)), np.arange(30) % 3 != 0)


@pytest.fixture
def sure(monkeypatch):
    """Scores as of a network that has learned."""
    from semipose_mm.prediction.networks import PoseNetworks
    find = PoseNetworks.predict

    def confident(self, items, names):
        poses = find(self, items, names)
        poses[..., 2] = 0.9
        return poses

    monkeypatch.setattr(PoseNetworks, 'predict', confident)


@pytest.mark.parametrize('args', [('--boxes', 'whole'),
                                  ('--boxes', 'follow', '--margin', 0.5)])
def test_a_run_that_was_cut_off_goes_on(predict, video, sure, args,
                                        monkeypatch, capsys):
    whole = predict(video, *args, '--networks', 'all', out='whole')
    append, parts = Journal.append, []

    def interrupted(self, records):
        if len(parts) == 2:
            self._file.write(b'{"index":16,"si')
            self._file.flush()
            raise KeyboardInterrupt
        parts.append(records)
        append(self, records)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, 'append', interrupted)
        with pytest.raises(SystemExit) as end:
            predict(video, *args, '--networks', 'all', out='cut')
    assert end.value.code == 130
    capsys.readouterr()
    cut = predict(video, *args, '--networks', 'all', out='cut')
    said = capsys.readouterr().out
    assert 'day1: 16 of 30 frames were done before' in said
    assert sorted(os.listdir(cut)) == sorted(os.listdir(whole))
    for name in os.listdir(whole):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    # and what is done is not done again
    predict(video, *args, '--networks', 'all', out='cut')
    assert 'day1: was predicted before' in capsys.readouterr().out


def test_other_settings_are_refused(predict, video, refused, trained,
                                    tmp_path):
    out = predict(video, '--boxes', 'whole')
    line = refused(
        'predict',
        trained.config,
        trained.checkpoint,
        video,
        '--out',
        out,
        '--boxes',
        '1,2,50,50',
        '--batch-size',
        BATCH,
        noisy=True)
    assert 'are of another boxes' in line
    os.remove(out / 'day1.about.json')
    line = refused(
        'predict',
        trained.config,
        trained.checkpoint,
        video,
        '--out',
        out,
        '--boxes',
        'whole',
        noisy=True)
    assert 'day1_net0.csv exists already' in line


def test_following(predict, video, sure, model):
    out = predict(video, '--boxes', 'follow', '--margin', 0.5, '--start',
                  '0,0,90,90')
    _, _, poses = read(out / 'day1_net0.csv')
    boxes = np.array([
        one['bbox']
        for one in json.loads((out /
                               'day1_net0.json').read_text())['annotations']
    ])
    capture = cv2.VideoCapture(video)
    for number in range(30):
        frame = capture.read()[1]
        found = expected(model, frame, boxes[number], 0)
        np.testing.assert_allclose(
            poses[number, :, :2], found[:, :2], atol=1e-4)
        if number == 29:
            break
        low, high = poses[number, :, :2].min(0), poses[number, :, :2].max(0)
        reach = max((high - low).max() * 0.5, 2) / 2
        corners = np.clip([low - reach, high + reach], 0, [95, 119])
        np.testing.assert_allclose(
            boxes[number + 1], [*corners[0], *(corners[1] - corners[0])],
            atol=1e-3)


def test_a_lost_pose_is_begun_anew(predict, video):
    # after two iterations of training no score is above the threshold
    out = predict(video, '--boxes', 'follow', '--margin', 0.5, '--start',
                  '0,0,90,90', '--threshold', 2)
    poses = json.loads((out / 'day1_net0.json').read_text())['annotations']
    assert [one['bbox'] for one in poses] == [[0, 0, 90, 90]] * 30


@pytest.mark.long
def test_killed_at_any_time(predict, trained, tmp_path):
    """``kill -9`` in the middle, and the same command again."""
    video = write_frames(tmp_path / 'long.avi', 1500, size=(48, 40))
    whole = predict(video, '--boxes', 'whole', out='whole')
    env = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    env['PYTHONPATH'] = ROOT
    process = subprocess.Popen([
        sys.executable, '-m', 'semipose_mm', 'predict', trained.config,
        trained.checkpoint, video, '--boxes', 'whole', '--out',
        str(tmp_path / 'killed'), '--device', 'cpu', '--batch-size',
        str(BATCH)
    ],
                               env=env,
                               stdout=subprocess.DEVNULL)
    journal = tmp_path / 'killed/long.journal/shard-0-of-1.jsonl'
    end = time.monotonic() + 600
    while not journal.exists() or journal.read_bytes().count(b'\n') < 20:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 20 <= journal.read_bytes().count(b'\n') < 1400
    assert os.listdir(tmp_path / 'killed') == ['long.journal']
    killed = predict(video, '--boxes', 'whole', out='killed')
    assert not journal.exists()
    for name in ('long_net0.csv', 'long_net0.json', 'long.about.json'):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()


def test_a_labelled_video(predict, video, sure):
    out = predict(video, '--boxes', 'whole', '--video', '--trail', 3)
    capture = cv2.VideoCapture(str(out / 'day1_net0.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 30
    assert abs(capture.get(cv2.CAP_PROP_FPS) - 25) < 0.01
    source = cv2.VideoCapture(video)
    _, _, poses = read(out / 'day1_net0.csv')
    for number in range(30):
        drawn, frame = capture.read()[1], source.read()[1]
        assert drawn.shape[0] == 120 and drawn.shape[1] > 96
        changed = np.abs(drawn[:, :96].astype(int) - frame).max(-1) > 60
        assert 0 < changed.mean() < 0.9
        # something is drawn where the joints are
        for x, y in poses[number, :5, :2].round().astype(int):
            assert changed[max(y - 3, 0):y + 4, max(x - 3, 0):x + 4].any()


def test_h5_is_deeplabcuts_table(predict, video, tmp_path):
    pandas = pytest.importorskip('pandas')
    pytest.importorskip('tables')
    boxes = tmp_path / 'boxes.json'
    # the first row is empty
    boxes.write_text(
        json.dumps([
            dict(image_id=i, category_id=1, bbox=[5, 5, 60, 80], score=1)
            for i in range(1, 30)
        ]))
    out = predict(video, '--boxes', boxes, '--h5')
    table = pandas.read_hdf(out / 'day1_net0.h5')
    _, _, poses = read(out / 'day1_net0.csv')
    assert list(table.columns.names) == ['scorer', 'bodyparts', 'coords']
    assert list(table.index) == list(range(30))
    assert np.array_equal(
        table.to_numpy().reshape(30, -1, 3), poses, equal_nan=True)


def test_a_stock_estimator(predict, folder, trained, tmp_path, capsys):
    """A config and checkpoint of MMPose alone."""
    state = torch.load(trained.checkpoint, weights_only=True)['state_dict']
    torch.save(
        dict(state_dict={
            k: v
            for k, v in state.items() if not k.startswith('peers.')
        }), tmp_path / 'stock.pth')
    cfg = Config.fromfile(trained.config)
    cfg.model.type = 'TopdownPoseEstimator'
    cfg.model.data_preprocessor.type = 'PoseDataPreprocessor'
    for key in set(cfg.model) - {
            'type', 'data_preprocessor', 'backbone', 'head', 'test_cfg'
    }:
        del cfg.model[key]
    cfg.model.test_cfg.pop('network', None)
    cfg.box_rule = dict(kind='whole')
    cfg.dump(tmp_path / 'stock.py')
    stock = trained._replace(
        config=str(tmp_path / 'stock.py'),
        checkpoint=str(tmp_path / 'stock.pth'))
    found = predict(folder, model=stock, out='stock')
    own = predict(folder, '--boxes', 'whole', out='own')
    poses = [read(path / 'images_net0.csv')[2] for path in (found, own)]
    np.testing.assert_allclose(*poses, atol=1e-4)


@pytest.mark.parametrize('args, message', [
    ((), 'has no box_rule'),
    (('--boxes', 'whole', '--networks', 'net7'),
     'it must be all or some of net0 net1 ensemble'),
    (('--boxes', 'whole', '--batch-size', '0'), '--batch-size is 0'),
    (('--boxes', 'whole', '--start', '1,2,3,4'), '--start is for --boxes'),
    (('--boxes', 'whole', '--start', '1'), '--start is 1, but must be X,Y'),
])
def test_mistakes_give_one_line(args, message, refused, trained, video,
                                tmp_path):
    line = refused(
        'predict',
        trained.config,
        trained.checkpoint,
        video,
        '--out',
        tmp_path / 'out',
        *args,
        noisy=True)
    assert message in line
    assert not (tmp_path / 'out').exists()


def test_h5_needs_packages(refused, trained, video, monkeypatch, tmp_path):
    monkeypatch.setattr('semipose_mm.prediction.writers.find_spec',
                        lambda name: None)
    line = refused('predict', trained.config, trained.checkpoint, video,
                   '--out', tmp_path / 'out', '--h5')
    assert '--h5 needs pandas and tables: pip install' in line


def test_options_stand_in_the_order_of_a_test():
    from semipose_mm.cli import build_parser
    args = build_parser('predict').parse_args(['c', 'p', 'v', 'w'])
    assert (args.config, args.checkpoint, args.media) == ('c', 'p', ['v', 'w'])
    assert command.__doc__
