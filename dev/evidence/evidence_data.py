# Copyright (c) semipose_mm authors.
"""Data that are written here and read by a config of mouse9.

mirror_mouse: labels are split in the order of their frames, neighbors are
not parted: the first 30 train (or every third of them), the next 15 choose,
the last 45 are reported. Unlabeled is every second frame of the video. Boxes
are whole images; frames have half their size.

people: figures of projects/synthetic_people, which anybody can make.
"""
import csv
import json
import os
import os.path as osp
import subprocess
import sys
from typing import Dict, List

import cv2
import numpy as np
from mmengine.config import Config

from semipose_mm.files import write_text

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
DATA = os.environ.get('SEMIPOSE_DATA', 'data')

PARTS = dict(
    train_30=slice(0, 30),
    train_10=slice(1, 30, 3),
    choose=slice(30, 45),
    test=slice(45, 90))
#: Pictures without labels, and how many of the others choose.
UNLABELED, CHOOSE, REPORTED = 2000, 200, 600


def use_mirror_mouse(cfg: Config, labels: int, root: str) -> None:
    """Make a config of mouse9 one of mirror_mouse.

    Args:
        cfg (Config): Is changed.
        labels (int): Number of labeled images, 30 or 10.
        root (str): Folder of the data, made if it is not there.
    """
    _write_mirror_mouse(osp.join(DATA, 'mirror_mouse'), root)
    with open(osp.join(root, 'annotations', 'test.json')) as file:
        names = json.load(file)['categories'][0]['keypoints']
    metainfo = dict(
        dataset_name='mirror_mouse',
        paper_info=dict(),
        keypoint_info={
            i: dict(name=name, id=i, color=[255, 15 * i, 0], type='', swap='')
            for i, name in enumerate(names)
        },
        skeleton_info={},
        joint_weights=[1.] * len(names),
        sigmas=[0.05] * len(names))
    cfg.model.head.out_channels = len(names)
    train = cfg.train_dataloader.dataset
    for part in (train.labeled, cfg.val_dataloader.dataset,
                 cfg.test_dataloader.dataset):
        part.update(data_root=root, metainfo=metainfo)
        box = part.pipeline[1]
        assert box.type == 'GetBBoxCenterScale'
        box.padding = 1.0
    train.unlabeled.update(
        data_root=root, ann_file='annotations/unlabeled.txt', bbox_file='')
    train.labeled.ann_file = f'annotations/train_{labels}.json'
    cfg.test_dataloader.dataset.ann_file = 'annotations/test.json'


def use_generated_people(cfg: Config, labels: int, root: str) -> None:
    """Make a config of mouse9 one of generated people.

    Args:
        cfg (Config): Is changed.
        labels (int): Number of labeled pictures.
        root (str): Folder of the data, made if it is not there.
    """
    script = osp.join(ROOT, 'projects', 'synthetic_people', 'generate.py')
    counts = dict(labeled=labels, unlabeled=UNLABELED, val=CHOOSE + REPORTED)
    options = [f'--{name}={count}' for name, count in counts.items()]
    subprocess.run([sys.executable, script, root, *options], check=True)
    folder = osp.join(root, 'annotations')
    with open(osp.join(folder, 'person_keypoints_val.json')) as file:
        content = json.load(file)
    images = sorted(content['images'], key=lambda one: one['id'])
    for name, part in (('choose', images[:CHOOSE]), ('test', images[CHOOSE:])):
        ids = {one['id'] for one in part}
        labels_of = [
            one for one in content['annotations'] if one['image_id'] in ids
        ]
        write_text(
            osp.join(folder, f'{name}.json'),
            json.dumps(dict(content, images=part, annotations=labels_of)))
    cfg.model.head.out_channels = 17
    train = cfg.train_dataloader.dataset
    parts = ((train.labeled, 'person_keypoints_train',
              'train'), (train.unlabeled, 'image_info_unlabeled', 'unlabeled'),
             (cfg.val_dataloader.dataset, 'choose',
              'val'), (cfg.test_dataloader.dataset, 'test', 'val'))
    for part, ann_file, images in parts:
        part.pop('metainfo', None)
        part.update(
            data_root=root,
            ann_file=f'annotations/{ann_file}.json',
            data_prefix=dict(img=f'images/{images}/'))
    train.unlabeled.bbox_file = 'annotations/unlabeled_detections.json'


def _write_mirror_mouse(source: str, target: str) -> None:
    """Write images and annotation files, unless they are there.

    Args:
        source (str): Folder with ``CollectedData.csv``.
        target (str): Folder to write.
    """
    done = [
        osp.join(target, 'annotations', name)
        for name in ('unlabeled.txt', *(f'{part}.json' for part in PARTS))
    ]
    if all(map(osp.exists, done)):
        return
    for name in ('annotations', 'images'):
        os.makedirs(osp.join(target, name), exist_ok=True)
    with open(osp.join(source, 'CollectedData.csv')) as file:
        _, parts, _, *rows = csv.reader(file)
    names = parts[1::2]
    for name, part in PARTS.items():
        images, labels = [], []
        for number, row in list(enumerate(rows))[part]:
            image = cv2.imread(osp.join(source, row[0]))
            points = np.array([float(x or 'nan') for x in row[1:]])
            points = points.reshape(-1, 2)
            seen = np.isfinite(points).all(1)
            # pixel centers stay where they are in the scene
            points = np.where(seen[:, None], (points + 0.5) / 2 - 0.5, 0)
            images.append(_write(image, number, target))
            height, width = images[-1]['height'], images[-1]['width']
            labels.append(
                dict(
                    id=number + 1,
                    image_id=number + 1,
                    category_id=1,
                    iscrowd=0,
                    area=width * height,
                    bbox=[0, 0, width, height],
                    num_keypoints=int(seen.sum()),
                    keypoints=np.concatenate([points, 2. * seen[:, None]],
                                             1).ravel().tolist()))
        _save(target, name, images, names, labels)
    video = cv2.VideoCapture(osp.join(source, 'videos', 'test_vid.mp4'))
    images, number = [], 0
    while True:
        there, frame = video.read()
        if not there:
            break
        if number % 2 == 0:
            images.append(_write(frame, 1000 + number, target))
        number += 1
    with open(osp.join(target, 'annotations', 'unlabeled.txt'), 'w') as file:
        file.writelines(f"{one['file_name']}\n" for one in images)


def _write(image: np.ndarray, number: int, target: str) -> dict:
    height, width = (side // 2 for side in image.shape[:2])
    name = f'{number:05d}.png'
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    cv2.imwrite(osp.join(target, 'images', name), small)
    return dict(id=number + 1, file_name=name, width=width, height=height)


def _save(target: str,
          name: str,
          images: List[Dict],
          names: List[str],
          labels: List[Dict] = ()) -> None:
    category = dict(id=1, name='mouse', keypoints=names, skeleton=[])
    content = dict(
        images=images, annotations=list(labels), categories=[category])
    with open(osp.join(target, 'annotations', f'{name}.json'), 'w') as file:
        json.dump(content, file)
