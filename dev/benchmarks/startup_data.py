# Copyright (c) semipose_mm authors.
"""Data of any size for start-up: many entries, few different pictures."""
import json
import os
import os.path as osp
from typing import Iterator, List

import cv2
import numpy as np

#: Pictures on the disk; every other name is a hard link to one of them.
PICTURES = 64
WIDTH, HEIGHT = 640, 480
JOINTS = 17
#: Boxes of an image in the detections of COCO's unlabeled2017, about.
BOXES_PER_IMAGE = 1.25


def write_data(root: str, boxes: int, labels: int, annotated: bool,
               pictures: bool) -> None:
    """Write a folder that ``configs/*_res18slim_own.py`` read.

    Args:
        root (str): The folder.
        boxes (int): Number of unlabeled boxes.
        labels (int): Number of labeled instances, one an image.
        annotated (bool): Whether the unlabeled images are annotated, with
            outlines and keypoints as those of COCO; else there are
            detections.
        pictures (bool): Whether to make the image files, too.
    """
    rng = np.random.default_rng(0)
    folder = osp.join(root, 'annotations')
    os.makedirs(folder)
    images = max(int(boxes / BOXES_PER_IMAGE), 1)
    for name, count in (('train', labels), ('val', 8)):
        _write(
            osp.join(folder, f'person_keypoints_{name}.json'),
            dict(
                images=_images(count),
                annotations=_annotations(rng, count, count)))
        _link(osp.join(root, 'images', name), rng, count)
    content = dict(images=_images(images))
    if annotated:
        content['annotations'] = _annotations(rng, boxes, images)
    else:
        _write(
            osp.join(folder, 'unlabeled_detections.json'), [
                dict(entry, category_id=1, score=float(score))
                for entry, score in zip(
                    _boxes(rng, boxes, images),
                    rng.uniform(0.6, 1, boxes).round(3))
            ])
    _write(osp.join(folder, 'image_info_unlabeled.json'), content)
    if pictures:
        _link(osp.join(root, 'images', 'unlabeled'), rng, images)


def _write(path: str, content: object) -> None:
    with open(path, 'w') as file:
        json.dump(content, file)


def _name(index: int) -> str:
    return f'{index:012d}.jpg'


def _images(count: int) -> List[dict]:
    """The entries of an image list, with all that COCO's have."""
    return [
        dict(
            license=3,
            file_name=_name(i),
            coco_url=f'http://images.cocodataset.org/unlabeled/{_name(i)}',
            height=HEIGHT,
            width=WIDTH,
            date_captured='2013-11-14 17:02:52',
            id=i) for i in range(count)
    ]


def _boxes(rng: np.random.Generator, count: int,
           images: int) -> Iterator[dict]:
    """Boxes that lie in their images, of which each has one at least."""
    corners = rng.uniform(0, 200, (count, 2)).round(2).tolist()
    sizes = rng.uniform(40, 250, (count, 2)).round(2).tolist()
    for index, (corner, size) in enumerate(zip(corners, sizes)):
        yield dict(image_id=index % images, bbox=corner + size)


def _annotations(rng: np.random.Generator, count: int,
                 images: int) -> List[dict]:
    """Instances with all that COCO's have."""
    outlines = rng.uniform(0, 400, (1000, 60)).round(2).tolist()
    keypoints = np.full((count, JOINTS, 3), 2)
    keypoints[..., :2] = rng.integers(40, 240, (count, JOINTS, 2))
    return [
        dict(
            entry,
            segmentation=[outlines[index % 1000]],
            num_keypoints=JOINTS,
            area=5000.5,
            iscrowd=0,
            keypoints=keypoints[index].ravel().tolist(),
            category_id=1,
            id=index)
        for index, entry in enumerate(_boxes(rng, count, images))
    ]


def _link(folder: str, rng: np.random.Generator, count: int) -> None:
    """Make as many image files, of few contents."""
    os.makedirs(folder)
    for index in range(count):
        path = osp.join(folder, _name(index))
        if index < PICTURES:
            noise = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            cv2.imwrite(path, cv2.resize(noise, (WIDTH, HEIGHT)))
        else:
            os.link(osp.join(folder, _name(index % PICTURES)), path)
