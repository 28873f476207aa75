# Copyright (c) semipose_mm authors.
"""The configs that the quickstart compares."""
import os
import os.path as osp
import shutil
from typing import Any, Dict

from semipose_mm import config_path

METHODS = ('supervised', 'posedual')
#: A network that two cores can train from random weights.
BASE = """_base_ = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
          'td-hm_res50_8xb64-210e_coco-256x192.py')
model = dict(
    backbone=dict(depth=18, stem_channels=32, base_channels=32, init_cfg=None),
    head=dict(in_channels=256, deconv_out_channels=(64, 64, 64)))
"""


def own_configs(args: Any, root: str) -> Dict[str, str]:
    """Make the config of both methods for a folder of own data.

    Args:
        args (Namespace): Options ``work_dir`` and ``iters``.
        root (str): The folder, laid out as README.md shows.

    Returns:
        dict: Name of a method to its config file.
    """
    from semipose_mm.config_maker import make_config
    notes, folder = (
        osp.join(one, '') for one in (osp.join(root, 'annotations'),
                                      osp.join(args.work_dir, 'configs')))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(f'{folder}base.py', 'w') as file:
        file.write(BASE)
    listed = f'{notes}image_info_unlabeled.json'
    boxes = f'{notes}unlabeled_detections.json'
    source = dict(unlabeled=osp.join(root, 'images', 'unlabeled'))
    if osp.exists(listed) or osp.exists(boxes):
        # each needs the other; without both, whole images are boxes
        source = dict(unlabeled=listed, boxes=boxes)
    for name in METHODS:
        made = make_config(
            f'{folder}base.py',
            f'{notes}person_keypoints_train.json',
            val=f'{notes}person_keypoints_val.json',
            recipe=name,
            input_size=(96, 128),
            lr=1e-3,
            iterations=args.iters,
            out=f'{folder}{name}.py',
            **source)
    print(*made.lines(), sep='\n')
    return {name: f'{folder}{name}.py' for name in METHODS}


def write_configs(args: Any, data: Dict[str, str]) -> Dict[str, str]:
    """Write the whole config of both methods for data of the project.

    Args:
        args (Namespace): Options ``work_dir`` and ``iters``.
        data (dict): ``family`` of the configs and ``root`` of own data.

    Returns:
        dict: Name of a method to its config file.
    """
    from mmengine.config import Config
    from mmpose.registry import DATASETS

    os.environ['SEMIPOSE_OWN'] = data['root']
    paths = dict()
    for name in METHODS:
        cfg = Config.fromfile(config_path(f'{name}_{data["family"]}.py'))
        batch_size = cfg.train_dataloader.batch_size
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        epoch = max(1, dataset.num_unlabeled // batch_size)
        epochs = max(1, round(args.iters / epoch))
        iters = epochs * epoch
        cfg.merge_from_dict({
            'train_cfg.max_epochs':
            epochs,
            'train_cfg.val_interval':
            max(1, epochs // 4),
            'param_scheduler.1.milestones':
            [int(iters * 0.7), int(iters * 0.9)],
            'default_hooks.checkpoint':
            dict(interval=epochs, save_best=None)
        })
        if name == 'posedual':
            cfg.custom_hooks[-1].update(burn_in=iters // 4, ramp_up=iters // 4)
        paths[name] = osp.join(args.work_dir, f'{name}.py')
        cfg.dump(paths[name])
    return paths
