# Copyright (c) semipose_mm authors.
"""What the config that a training kept says about it."""
import functools
import json
import os.path as osp
import re
from glob import glob
from typing import Dict, List, NamedTuple, Optional, Tuple


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
    name = osp.splitext(osp.basename(copies[-1]))[0] if copies else None
    cfg = kept_config(work_dir)
    labels = logged_labels(work_dir)
    if labels is None and cfg:
        labels = _labels(cfg)
    return dict(config=name, labels=labels)


def scored_networks(cfg: Optional[dict]) -> Tuple[Optional[str], List[str]]:
    """What tells the networks in the names of a run's scores.

    Args:
        cfg (Config, optional): What :func:`kept_config` found.

    Returns:
        tuple: The network with the plain names, None where the config is not
        there, and the names of teachers.
    """
    if not cfg or not cfg.get('model'):
        return None, []
    network = (cfg.model.get('test_cfg') or {}).get('network', 0)
    teachers = list(cfg.model.get('teachers') or ())
    if network == 'ensemble' and not cfg.model.get('peers'):
        network = 0
    return network if isinstance(network, str) else f'net{network}', teachers


def kept_config(work_dir: str):
    """The config with all values in place that a run kept last, or None."""
    from mmengine.config import Config
    kept = sorted(glob(osp.join(work_dir, '*', 'vis_data', 'config.py')))
    return Config.fromfile(
        kept[-1], import_custom_modules=False) if kept else None


class Logged(NamedTuple):
    """What the text logs of a training tell; None where they do not.

    Attributes:
        processes (int, optional): Number of processes.
        epoch (int, optional): Iterations of an epoch, if it counts epochs.
        began (int, optional): Iterations before unlabeled images taught.
    """
    processes: Optional[int]
    epoch: Optional[int]
    began: Optional[int]


def read_logged(work_dir: str) -> Logged:
    """Read the text logs of a training, through all its resumes.

    Args:
        work_dir (str): Work folder of a training.

    Returns:
        Logged: What the newest one says that has it.
    """
    text = ''.join(_training_logs(work_dir).values())
    found = [
        re.findall(pattern, text)
        for pattern in (r'processes: (\d+)',
                        r'Epoch\(train\) +\[ *\d+\]\[ *\d+/(\d+)\]',
                        r'Iteration (\d+): unlabeled images teach now')
    ]
    processes, epoch, began = (int(one[-1]) if one else None for one in found)
    return Logged(processes, epoch, began and began - 1)


def logged_folders(work_dir: str) -> List[str]:
    """Folders of the logs of a training, one for each start."""
    return list(map(osp.dirname, _training_logs(work_dir)))


def logged_labels(work_dir: str) -> Optional[int]:
    """Labeled samples that a training said it uses; None if it did not.

    The file that its config names may have got more since.
    """
    found = re.findall(
        r'train_dataloader\.dataset(?:\.labeled)?: (\d+) .*are used, with',
        ''.join(_training_logs(work_dir).values()))
    return int(found[-1]) if found else None


def _training_logs(work_dir: str) -> Dict[str, str]:
    """Text logs of a training by their paths, through all its resumes."""
    logs = {}
    for path in sorted(glob(osp.join(work_dir, '*', '*.log'))):
        with open(path, errors='replace') as file:
            text = file.read()
        # a test in the same folder tells of its own processes
        if '(train)' in text:
            logs[path] = text
    return logs


def _labels(cfg) -> Optional[int]:
    """Labeled samples of a config."""
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
