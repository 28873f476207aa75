# Copyright (c) semipose_mm authors.
"""Tests of the pictures of training batches."""
from importlib import import_module

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from people_toys import own_config
from toy_tools import run_command

from semipose_mm.analysis import taught

WIDTH, HEIGHT = 96, 128


@pytest.fixture
def pictures(monkeypatch):
    return import_module('semipose_mm.analysis.pictures')


def cells(path, rows, columns):
    """Cut a sheet into its pictures (rows, columns, H, W, 3)."""
    sheet = cv2.imread(str(path))
    assert sheet.shape == (22 + rows * (HEIGHT + 4), columns * (WIDTH + 4), 3)
    grid = sheet[22:].reshape(rows, HEIGHT + 4, columns, WIDTH + 4, 3)
    return grid.swapaxes(1, 2)[:, :, :HEIGHT, :WIDTH].astype(int)


def test_a_batch_of_posedual(trained, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'new' / 'batch.png'
    run_command('browse', trained.config, '--checkpoint', trained.checkpoint,
                '--num', 3, '--out', out)
    assert str(out) in capsys.readouterr().out
    labeled, labels, easy, hard0, taught0, hard1, taught1 = cells(out, 3,
                                                                  7).swapaxes(
                                                                      0, 1)
    assert np.abs(labeled - easy).mean() > 5  # other people
    # each network has hard views of its own
    for one, other in ((easy, hard0), (easy, hard1), (hard0, hard1)):
        assert np.abs(one - other).mean() > 1
    for image, marked in ((labeled, labels), (hard0, taught0), (hard1,
                                                                taught1)):
        assert np.abs(image - marked).mean() > 5


def test_the_same_seed_gives_the_same_batch(trained, tmp_path, monkeypatch):
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        run_command('browse', trained.config, '--num', 2, '--seed', seed,
                    '--out', tmp_path / f'{name}.png')
    a, b, c = ((tmp_path / f'{name}.png').read_bytes() for name in 'abc')
    assert a == b != c


def test_a_supervised_batch(people_root, tmp_path, monkeypatch):
    cfg = own_config(people_root, tmp_path, 'supervised')
    cfg.dump(str(tmp_path / 'sup.py'))
    run_command('browse', tmp_path / 'sup.py', '--num', 2, '--work-dir',
                tmp_path)
    cells(tmp_path / 'browse_semi.png', 2, 2)


def test_several_partners(pictures, trained):
    """Beside a labeled sample stands the first of its partners."""
    cfg = Config.fromfile(trained.config)
    cfg.train_dataloader.dataset.unlabeled_ratio = 2
    model = taught.build_model(cfg, trained.checkpoint)
    batch = taught.build_batch(cfg, 2, seed=0)
    titles, columns = zip(
        *taught.columns(model, **taught.take_step(model, batch)))
    sheet = pictures.sheet(list(zip(*columns)), titles)
    assert sheet.shape[0] == 22 + 2 * (HEIGHT + 4)
    for row in range(2):
        easy = batch['inputs']['easy'][row][0].numpy().transpose(1, 2, 0)
        top, left = 22 + row * (HEIGHT + 4), 2 * (WIDTH + 4)
        shown = sheet[top:top + HEIGHT, left:left + WIDTH]
        assert np.abs(shown.astype(int) - easy).max() <= 1


@pytest.mark.parametrize('args, message', [
    (['--num', '0'], '--num is 0, but must be at least 1'),
    (['--checkpoint', 'no.pth'], 'checkpoint file no.pth does not exist'),
    (['--cfg-options', 'train_dataloader.dataset.type=CocoDataset'
      ], 'type is CocoDataset, but must be SemiPoseDataset'),
])
def test_mistakes_give_one_line(trained, refused, args, message):
    assert message in refused('browse', trained.config, *args)


@pytest.mark.parametrize('bgr_to_rgb', [True, False])
def test_images_come_back(pictures, bgr_to_rgb):
    image = torch.randint(256, (3, 8, 6), dtype=torch.uint8)
    preprocessor = MODELS.build(
        dict(
            type='PoseDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=bgr_to_rgb))
    from mmpose.structures import PoseDataSample
    data = preprocessor(dict(inputs=[image], data_samples=[PoseDataSample()]))
    found, = pictures.to_images(data['inputs'], preprocessor)
    difference = found.astype(int) - image.permute(1, 2, 0).numpy()
    assert np.abs(difference).max() <= 1


def test_a_peak_is_where_its_heatmap_says(pictures):
    heatmaps = torch.zeros(2, 4, 3)
    heatmaps[1, 3, 0] = 1
    picture = pictures.overlay(np.zeros((16, 12, 3), np.uint8), heatmaps)
    red = picture[..., 2].astype(int)
    assert red[14:, :2].min() > 50 and red[:8].max() == 0


def test_a_folder_that_cannot_be_made(pictures, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file'):
        pictures.write_picture(tmp_path / 'file' / 'a.png',
                               np.zeros((4, 4, 3), np.uint8))
