# Copyright (c) semipose_mm authors.
"""Write the frames of mirror_mouse as files that configs read.

Labels are split in the order of their frames, neighbors are not parted:
the first 30 train (or every third of them), the next 15 choose, the
last 45 are reported. Unlabeled is every second frame of the video.
Boxes are whole images; frames have half their size.
"""
import csv
import json
import os
import os.path as osp
from typing import Dict, List

import cv2
import numpy as np

PARTS = dict(
    train_30=slice(0, 30),
    train_10=slice(1, 30, 3),
    choose=slice(30, 45),
    test=slice(45, 90))


def prepare(source: str, target: str) -> None:
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
