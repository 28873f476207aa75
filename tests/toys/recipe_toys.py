# Copyright (c) semipose_mm authors.
"""Small data laid out as the recipes expect it, for tests."""
import json
import os
import re
from pathlib import Path

import numpy as np
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from people_toys import ROOT
from scipy.io import savemat

CONFIGS = Path(ROOT, 'configs')
#: Every environment variable that a config reads.
VARIABLES = sorted({
    name
    for path in CONFIGS.rglob('*.py')
    for name in re.findall(r'\{\{\$(\w+)', path.read_text())
})


def random_weights(cfg):
    """Take every ``init_cfg`` away, as this machine may have no network."""
    if isinstance(cfg, dict):
        for key, value in cfg.items():
            if key == 'init_cfg':
                cfg[key] = None
            else:
                random_weights(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            random_weights(value)


def make_coco(root, people):
    """Lay a folder out as COCO.

    Args:
        root (Path): Where to.
        people (Path): Generated people, taken where there are no real ones.

    Returns:
        dict: Annotation file and image folder of ``train`` and ``val``.
    """
    data = os.environ.get('SEMIPOSE_DATA')
    files = {}
    if data and Path(data, 'coco17').is_dir():
        source = Path(data, 'coco17').resolve()
        for part in ('train', 'val'):
            files[part] = (source / 'annotations' /
                           f'person_keypoints_{part}2017_mini.json',
                           source / f'{part}2017')
    else:
        source = people
        for part in ('train', 'val'):
            files[part] = (source / 'annotations' /
                           f'person_keypoints_{part}.json',
                           source / 'images' / part)
    (root / 'coco' / 'annotations').mkdir(parents=True)
    (root / 'coco' / 'person_detection_results').mkdir()
    # the excerpt has other names for its files
    (root / 'coco17').mkdir()
    (root / 'coco17' / 'annotations').symlink_to(root / 'coco/annotations')
    for part, (ann_file, images) in files.items():
        for ending in ('', '_mini'):
            name = f'person_keypoints_{part}2017{ending}.json'
            (root / 'coco/annotations' / name).symlink_to(ann_file)
        (root / 'coco' / f'{part}2017').symlink_to(images)
        (root / 'coco17' / f'{part}2017').symlink_to(images)
    (root / 'coco' / 'unlabeled2017').symlink_to(files['val'][1])
    content = json.loads(files['val'][0].read_text())
    detections = [
        dict(image_id=a['image_id'], category_id=1, bbox=a['bbox'], score=0.9)
        for a in content.pop('annotations')
    ]
    # a detector finds other things as well
    detections.insert(0, dict(detections[0], category_id=18))
    # test-dev comes without annotations, too
    (root / 'coco' / 'test2017').symlink_to(files['val'][1])
    for part in ('unlabeled', 'test-dev'):
        path = root / f'coco/annotations/image_info_{part}2017.json'
        path.write_text(json.dumps(content))
    folder = root / 'coco' / 'person_detection_results'
    for name in ('COCO_unlabeled2017_detections_person_faster_rcnn.json',
                 'COCO_test-dev2017_detections_AP_H_609_person.json'):
        (folder / name).write_text(json.dumps(detections))
    return files


def names_of(dataset):
    """Keypoint names of a data set of MMPose."""
    path = f'configs/_base_/datasets/{dataset}.py'
    info = parse_pose_metainfo(dict(from_file=path))['keypoint_id2name']
    return [info[i] for i in range(len(info))]


def make_mpii(root, annotations, images, num=6):
    """Lay persons of a COCO file out as MPII, MMPose's format.

    Args:
        root (Path): Folder to make ``mpii`` in.
        annotations (Path): COCO keypoint file.
        images (Path): Folder of its images.
        num (int): Persons.
    """
    content = json.loads(Path(annotations).read_text())
    files = {image['id']: image['file_name'] for image in content['images']}
    coco, mpii = names_of('coco'), names_of('mpii')
    folder = Path(root, 'mpii')
    (folder / 'annotations').mkdir(parents=True)
    (folder / 'images').mkdir()
    persons = []
    for number, ann in enumerate(content['annotations'][:num]):
        # image names are numbers there
        name = f'{number:09d}.jpg'
        (folder / 'images' / name).symlink_to(
            Path(images, files[ann['image_id']]))
        points = np.reshape(ann['keypoints'], (17, 3))
        x, y, width, height = ann['bbox']
        # what COCO does not have lies in the middle
        joints = np.full((16, 2), [[x + width / 2, y + height / 2]])
        visible = np.ones(16)
        for i, joint in enumerate(mpii):
            if joint in coco:
                joints[i] = points[coco.index(joint), :2]
                visible[i] = points[coco.index(joint), 2] > 0
        persons.append(
            dict(
                image=name,
                center=[x + width / 2, y + height / 2],
                scale=max(width, height) / 200,
                joints=joints.tolist(),
                joints_vis=visible.astype(int).tolist()))
    for part in ('train', 'val'):
        path = folder / 'annotations' / f'mpii_{part}.json'
        path.write_text(json.dumps(persons))
    heads = np.zeros((2, 2, num))
    heads[1] = 40.
    savemat(folder / 'annotations' / 'mpii_gt_val.mat',
            dict(headboxes_src=heads))


def make_aic(root, annotations, images):
    """Lay the persons of a COCO file out as AI Challenger, MMPose's format.

    Args:
        root (Path): Folder to make ``aic`` in.
        annotations (Path): COCO file.
        images (Path): Folder of its images.
    """
    content = json.loads(Path(annotations).read_text())
    folder = Path(root, 'aic')
    (folder / 'annotations').mkdir(parents=True)
    category = dict(id=1, name='person', keypoints=names_of('aic'))
    anns = [
        dict(ann, num_keypoints=14, keypoints=[10, 10, 1] * 14)
        for ann in content['annotations']
    ]
    (folder / 'annotations' / 'aic_train.json').write_text(
        json.dumps(dict(content, categories=[category], annotations=anns)))
    parts = ('ai_challenger_keypoint_train_20170902',
             'keypoint_train_images_20170902')
    (folder / parts[0]).mkdir()
    (folder / parts[0] / parts[1]).symlink_to(images)
