# Copyright (c) semipose_mm authors.
"""What the config that a training kept says about it."""
import functools
import json
import os.path as osp
from glob import glob
from typing import Optional


def describe_config(work_dir: str) -> dict:
    """Name of the config and number of labels of a run.

    Args:
        work_dir (str): Work folder of a training.

    Returns:
        dict: ``config``, the name of the file that MMEngine copied, and
        ``labels``, the number of labeled samples; None where it cannot be
        told.
    """
    copies = sorted(glob(osp.join(work_dir, '*.py')), key=osp.getmtime)
    kept = sorted(glob(osp.join(work_dir, '*', 'vis_data', 'config.py')))
    name = osp.splitext(osp.basename(copies[-1]))[0] if copies else None
    return dict(config=name, labels=_labels(kept[-1]) if kept else None)


def _labels(path: str) -> Optional[int]:
    """Labeled samples of a config with all values in place."""
    from mmengine.config import Config
    cfg = Config.fromfile(path, import_custom_modules=False)
    dataset = (cfg.get('train_dataloader') or {}).get('dataset') or {}
    dataset = dataset.get('labeled') or dataset
    indices = dataset.get('indices')
    if isinstance(indices, int):
        return indices
    if indices is not None:
        return len(indices)
    if 'ann_file' not in dataset:
        return None
    return _count(
        osp.join(dataset.get('data_root') or '', dataset['ann_file']))


@functools.lru_cache(maxsize=None)
def _count(path: str) -> Optional[int]:
    """Annotated instances of a file, as MMPose counts them."""
    if not osp.isfile(path):
        return None
    with open(path) as file:
        content = json.load(file)
    if isinstance(content, list):  # MPII
        return len(content)
    return sum(not found.get('iscrowd') and any(found.get('keypoints') or ())
               for found in content.get('annotations', ()))
