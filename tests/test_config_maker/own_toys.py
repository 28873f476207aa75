# Copyright (c) semipose_mm authors.
"""Data sets of one's own in the ways in which people keep them."""
import hashlib
import json

import numpy as np
from PIL import Image

from semipose_mm.config_maker import make_config

BASE = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/' \
    'td-hm_mobilenetv2_8xb64-210e_coco-256x192.py'
NAMES = ['beak', 'left_wing', 'right_wing', 'tail']
SIZE = (160, 120)


def save(path, content):
    """Write a json file; returns its path as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


def draw(folder, names, size=SIZE):
    """Write images, none like another; returns the folder as text."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        color = hashlib.sha256(str(folder / name).encode()).digest()[:3]
        Image.new('RGB', size, tuple(color)).save(folder / name)
    return str(folder)


def frames(num):
    """Names that files of every split have."""
    return [f'{i:06d}.png' for i in range(num)]


def entries(names):
    """``images`` of a COCO file."""
    return [
        dict(id=i + 1, file_name=name, width=SIZE[0], height=SIZE[1])
        for i, name in enumerate(names)
    ]


def labels(names, keypoints=NAMES, category=1, seed=0, **more):
    """A COCO file with an instance an image, tight around its joints."""
    rng = np.random.default_rng(seed)
    annotations = []
    for i in range(len(names)):
        corner = rng.uniform(5, (80, 40))
        joints = np.full((len(keypoints), 3), 2.)
        joints[:, :2] = corner + rng.uniform(5, 65, (len(keypoints), 2))
        annotations.append(
            dict(
                id=i + 1,
                image_id=i + 1,
                category_id=category,
                iscrowd=0,
                area=4900.,
                num_keypoints=len(keypoints),
                bbox=[*corner.tolist(), 70., 70.],
                keypoints=joints.ravel().tolist(),
                **more))
    return dict(
        images=entries(names),
        annotations=annotations,
        categories=[dict(id=category, name='bird', keypoints=keypoints)])


def detections(num, *ids):
    """A box of each category on each image."""
    return [
        dict(
            image_id=i + 1,
            category_id=k,
            bbox=[30., 20., 60., 60.],
            score=0.9) for i in range(num) for k in ids
    ]


def make(out, **options):
    """Make a config for small crops."""
    given = dict(base=BASE, input_size=(64, 64), iterations=4)
    return make_config(**{**given, **options}, out=str(out))
