# Copyright (c) semipose_mm authors.
"""Small labeled and unlabeled data for ``semipose config``, and how to call
it."""
import json
import os
import shutil
from pathlib import Path

import numpy as np
from mmengine.config import Config

from semipose_mm.cli import main

ZOO = 'mmpose::body_2d_keypoint/'
#: The smallest networks of the zoo.
MOBILENET = ZOO + ('topdown_heatmap/coco/'
                   'td-hm_mobilenetv2_8xb64-210e_coco-256x192.py')
SHUFFLENET = ZOO + ('topdown_heatmap/coco/'
                    'td-hm_shufflenetv2_8xb64-210e_coco-256x192.py')
RTMPOSE = ZOO + 'rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'
KEPT = [0, 5, 6, 11, 12]
NAMES = ['nose', 'left_shoulder', 'right_shoulder', 'left_hip', 'right_hip']
SKELETON = [[1, 2], [1, 3], [2, 4], [3, 5]]


def edit(path, change):
    """Alter a json file in place."""
    content = json.loads(Path(path).read_text())
    change(content)
    Path(path).write_text(json.dumps(content))


def make_birds(people, folder):
    """Copy generated people, with five keypoints.

    Args:
        people (Path): Folder of generated people.
        folder (Path): The copy.

    Returns:
        Path: The copy.
    """
    shutil.copytree(people, folder)

    def change(content):
        content['categories'][0].update(keypoints=NAMES, skeleton=SKELETON)
        for annotation in content['annotations']:
            keypoints = np.reshape(annotation['keypoints'], (17, 3))[KEPT]
            annotation['keypoints'] = keypoints.ravel().tolist()
            annotation['num_keypoints'] = int((keypoints[:, 2] > 0).sum())

    for part in ('train', 'val'):
        edit(folder / f'annotations/person_keypoints_{part}.json', change)
    return folder


def options(folder, base=MOBILENET):
    """The least that ``semipose config`` needs, and small crops."""
    return [
        '--base', base, '--labeled',
        str(folder / 'annotations/person_keypoints_train.json'), '--unlabeled',
        str(folder / 'images/unlabeled'), '--input-size', '64', '64'
    ]


def call(monkeypatch, out, *args):
    """Call the tool in this process.

    Args:
        monkeypatch (MonkeyPatch): Of the test.
        out (Path): The config to write.
        *args: Options.

    Returns:
        Path: The config.
    """
    main(['config', *map(str, args), '--no-timing', '--out', str(out)])
    return out


def short(path, work_dir, iterations=2):
    """The config with two iterations of two pairs."""
    cfg = Config.fromfile(path)
    cfg.merge_from_dict({
        'work_dir': str(work_dir),
        'train_cfg.max_iters': iterations,
        'train_cfg.val_interval': iterations,
        'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'val_dataloader.num_workers': 0,
        'val_dataloader.persistent_workers': False,
        # nothing is downloaded
        'load_from': None,
        'model.backbone.init_cfg': None,
        'default_hooks.checkpoint.interval': iterations,
        'default_hooks.logger.interval': 1,
        'experiment_name': str(work_dir).replace(os.sep, '_'),
        'visualizer.name': str(work_dir),
        'log_level': 'WARNING'
    })
    for hook in cfg.custom_hooks:
        if hook.type == 'MutualTeachingHook':
            hook.update(burn_in=1, ramp_up=0)
    return cfg
