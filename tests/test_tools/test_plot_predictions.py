# Copyright (c) semipose_mm authors.
"""Tests of the pictures of predictions."""
import cv2
import numpy as np
import pytest
from toy_tools import import_tool, run_main

WIDTH, HEIGHT = 150, 200
META = dict(
    skeleton_links=[(0, 1), (1, 2)],
    skeleton_link_colors=np.array([[255, 0, 0], [0, 255, 0]]),
    keypoint_colors=np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]]))


@pytest.fixture
def plot(monkeypatch):
    return import_tool('analysis/plot_predictions.py', monkeypatch)


def test_truth_and_predictions(plot, trained, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'new' / 'predictions.png'
    run_main(
        plot,
        trained.config,
        trained.checkpoint,
        '--also',
        f'again={trained.config}:{trained.checkpoint}',
        '--num',
        2,
        '--out',
        out,
        monkeypatch=monkeypatch)
    assert f'{out} is written' in capsys.readouterr().out
    sheet = cv2.imread(str(out))
    assert sheet.shape == (22 + 2 * (HEIGHT + 4), 3 * (WIDTH + 4), 3)
    truth, one, two = (
        sheet[22:, i * (WIDTH + 4):i * (WIDTH + 4) + WIDTH].astype(int)
        for i in range(3))
    assert (one == two).all()
    assert np.abs(truth - one).max() > 50


def test_more_images_than_there_are(plot, trained):
    models = {'x': (trained.config, trained.checkpoint)}
    sheet = plot.predictions_sheet(models, 99)
    assert sheet.shape[0] == 22 + 4 * (HEIGHT + 4)


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
    (['no.py', 'CHECKPOINT'], 'file no.py does not exist'),
    (['CONFIG', 'no.pth'], 'file no.pth does not exist'),
    (['CONFIG', 'CHECKPOINT', '--also', 'x=y'
      ], '--also takes NAME=CONFIG:CHECKPOINT, got x=y'),
    (['CONFIG', 'CHECKPOINT', '--also', 'x=CONFIG:no.pth'], 'does not exist'),
])
def test_mistakes(plot, trained, monkeypatch, capsys, args, message):
    places = dict(CONFIG=trained.config, CHECKPOINT=trained.checkpoint)
    with pytest.raises(SystemExit) as info:
        run_main(
            plot,
            *[places.get(arg, arg) for arg in args],
            monkeypatch=monkeypatch)
    assert info.value.code == 2
    assert message in capsys.readouterr().err
