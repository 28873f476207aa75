# Copyright (c) semipose_mm authors.
"""docs/arena.md, from a DeepLabCut project to csv, as it is printed."""
import csv
import os
import re
import shlex
import shutil
from pathlib import Path

import cv2
import pytest
import torch
from mmpose.models.backbones import MobileNetV2
from mmpose.visualization import PoseLocalVisualizer
from people_toys import ROOT

from semipose_mm.cli import main

SOURCE = Path(os.environ.get('SEMIPOSE_DATA', 'data'), 'mirror_mouse')
FRAMES = 40

pytestmark = pytest.mark.skipif(
    not SOURCE.is_dir(), reason='needs mirror_mouse in SEMIPOSE_DATA')


def make_project(folder):
    """The labels and a piece of the video as a project of DeepLabCut."""
    day = folder / 'labeled-data/day0'
    shutil.copytree(SOURCE / 'labeled-data', day)
    rows = list(csv.reader((SOURCE / 'CollectedData.csv').open()))
    for row in rows[3:]:
        row[0] = row[0].replace('labeled-data', 'labeled-data/day0')
    with open(day / 'CollectedData_rick.csv', 'w', newline='') as file:
        csv.writer(file).writerows(rows)
    parts = dict.fromkeys(rows[1][1:])
    (folder / 'config.yaml').write_text('bodyparts:\n' +
                                        ''.join(f'- {one}\n' for one in parts))
    (folder / 'videos').mkdir()
    video = cv2.VideoCapture(str(next((SOURCE / 'videos').glob('*.mp4'))))
    size = [int(video.get(key)) for key in (3, 4)]
    out = cv2.VideoWriter(
        str(folder / 'videos/day1.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 25,
        size)
    for _ in range(FRAMES):
        out.write(video.read()[1])
    out.release()


def commands():
    """The lines of the page."""
    text = Path(ROOT, 'docs/arena.md').read_text()
    for block in re.findall(r'```shell\n(.*?)```', text, re.S):
        for line in block.replace('\\\n', ' ').splitlines():
            yield shlex.split(line)


def quick(line, weights):
    """A command with less to do, and without the weights of the internet."""
    line = [word.replace('3000', '12') for word in line]
    if line[1] == 'config':
        line += [
            '--input-size', '64', '64', '--batch-size', '4', '--no-timing',
            '--weights', weights
        ]
    if line[1] == 'train':
        line += [
            '--cfg-options', 'train_dataloader.num_workers=0',
            'train_dataloader.persistent_workers=False',
            'val_dataloader.num_workers=0',
            'val_dataloader.persistent_workers=False'
        ]
    if line[1] == 'label-next':
        line += ['--gap', '1']
    return line


@pytest.mark.long
def test_every_command_of_the_page(tmp_path, monkeypatch, capsys, no_yapf):
    make_project(tmp_path / 'my_project')
    weights = tmp_path / 'weights.pth'
    torch.save(MobileNetV2().state_dict(), weights)
    monkeypatch.chdir(tmp_path)
    for line in commands():
        assert line[0] == 'semipose'
        # one process stands for several, each with a visualizer of its own
        PoseLocalVisualizer._instance_dict.clear()
        main(quick(line, str(weights))[1:])
    told = capsys.readouterr().out
    assert 'the held-out part is as it was' in told
    assert 'semipose test mice.py work_dirs/mice/iter_12.pth\n' in told
    assert (tmp_path / 'mice_batch.png').is_file()
    assert (tmp_path / 'work_dirs/mice/report_iter_12.html').is_file()
    with open(tmp_path / 'predictions/day1_ema0.csv', newline='') as file:
        rows = list(csv.reader(file))
    assert [row[0]
            for row in rows[:4]] == ['scorer', 'bodyparts', 'coords', '0']
    assert len(rows) == 3 + FRAMES and len(rows[0]) == 1 + 3 * 17
    labels = list(
        csv.DictReader((tmp_path / 'compare_runs/labels.csv').open()))
    counts = {row['run']: int(row['train_images']) for row in labels}
    assert counts['mice2'] == counts['mice'] + 20
