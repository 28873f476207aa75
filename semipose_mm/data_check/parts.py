# Copyright (c) semipose_mm authors.
"""The datasets and annotation files that a config names."""
import warnings
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from .findings import ERROR, NOTE, Finding, reason

# what reads a file of a part, beside those of `structure`
FOLDER, OTHER = 'folder', 'other'


@dataclass
class Part:
    """A dataset that reads files.

    Args:
        name (str): What the report calls it, ``'labeled'`` for example.
        key (str): Its config key.
        role (str): ``'labeled'``, ``'unlabeled'``, ``'val'`` or ``'test'``.
        cfg (dict): Its config.
        reader (str): How it reads ``ann_file``: ``'mmpose'``, ``'mpii'``,
            ``'unlabeled'``, ``'folder'`` for a folder or a text file, or
            ``'other'``.
        ann_file (str): Its annotation file or image list.
        bbox_file (str): Its detections, or empty.
        folder (str): The folder of its images.
        metainfo (dict): Its parsed metainfo.
        roots (tuple[str]): The folders that the images must lie in; none if
            they may lie anywhere.
        target (dict, optional): The parsed metainfo of the combination that
            it is a part of.
    """

    name: str
    key: str
    role: str
    cfg: dict
    reader: str = OTHER
    ann_file: str = ''
    bbox_file: str = ''
    folder: str = ''
    roots: Tuple[str, ...] = ()
    metainfo: dict = field(default_factory=dict)
    target: Optional[dict] = None

    @property
    def type(self) -> str:
        """str: Name of the dataset's class."""
        kind = self.cfg.get('type')
        return kind if isinstance(kind, str) else getattr(
            kind, '__name__', str(kind))


@dataclass
class Parts:
    """All datasets of a config.

    Args:
        parts (list[Part]): Those that could be set up.
        findings (dict): Findings by the name of the part that they are about.
        labels (dict, optional): Parsed metainfo of the labels.
        pipelines (list): Pipelines of the training and evaluation.
    """

    parts: List[Part] = field(default_factory=list)
    findings: Dict[str, List[Finding]] = field(default_factory=dict)
    labels: Optional[dict] = None
    pipelines: List[Any] = field(default_factory=list)

    def report(self, name: str, level: str, text: str) -> None:
        """Add a finding."""
        self.findings.setdefault(name, []).append(Finding(level, text))


def find_parts(cfg: dict) -> Parts:
    """Find the datasets of a config.

    Args:
        cfg (dict): The config.

    Returns:
        Parts: The datasets.
    """
    parts = Parts()
    key = 'train_dataloader.dataset'
    train = _dataset(cfg, 'train_dataloader')
    if train is None:
        parts.report('labeled', NOTE, f'the config has no {key}')
    elif _name(train) == 'SemiPoseDataset':
        _find_semi(train, key, parts)
    else:
        parts.labels = _add(parts, 'labeled', key, 'labeled', train, None)
    for role in ('val', 'test'):
        key = f'{role}_dataloader.dataset'
        dataset = _dataset(cfg, f'{role}_dataloader')
        if dataset is None:
            parts.report(role, NOTE, f'the config has no {key}')
        elif role == 'test' and dataset == _dataset(cfg, 'val_dataloader'):
            parts.report(role, NOTE, f'{key} is val_dataloader.dataset')
        else:
            _add(parts, role, key, role, dataset, None)
    return parts


def _dataset(cfg: dict, loader: str) -> Optional[dict]:
    """The dataset of a dataloader, None if there is none."""
    loader = cfg.get(loader)
    dataset = loader.get('dataset') if isinstance(loader, dict) else None
    return dataset if isinstance(dataset, dict) else None


def _name(cfg: dict) -> str:
    """Name of the class in a config, without a scope."""
    kind = cfg.get('type')
    kind = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return kind.split('.')[-1]


def _find_semi(train: dict, key: str, parts: Parts) -> None:
    """Find the two halves of a SemiPoseDataset."""
    metainfo = train.get('metainfo')
    labeled, unlabeled = train.get('labeled'), train.get('unlabeled')
    if isinstance(labeled, dict):
        parts.labels = _add(parts, 'labeled', f'{key}.labeled', 'labeled',
                            labeled, metainfo)
    else:
        parts.report('labeled', ERROR, f'{key}.labeled is no dataset')
    ratio = train.get('unlabeled_ratio', 1)
    if isinstance(unlabeled, dict):
        if ratio == 0:
            parts.report(
                'unlabeled', NOTE, 'nothing is drawn from it, since '
                f'{key}.unlabeled_ratio is 0')
        _add(parts, 'unlabeled', f'{key}.unlabeled', 'unlabeled', unlabeled,
             metainfo)
    elif ratio != 0:
        parts.report('unlabeled', ERROR, f'{key}.unlabeled is no dataset')
    if train.get('allow_outside'):
        for part in parts.parts:
            part.roots = ()


def _add(parts: Parts, name: str, key: str, role: str, cfg: dict,
         metainfo: Optional[dict]) -> Optional[dict]:
    """Add a dataset, or those that a wrapper combines.

    Returns:
        dict, optional: The parsed metainfo of its samples.
    """
    parts.pipelines.append(cfg.get('pipeline'))
    inner = cfg.get('datasets')
    if isinstance(inner, (list, tuple)):
        target = None
        if cfg.get('metainfo'):
            target, fault = _parse(cfg['metainfo'])
            if fault:
                parts.report(name, ERROR, f'{key}.metainfo: {fault}')
        elif _name(cfg) == 'CombinedDataset':
            parts.report(name, ERROR, f'{key}.metainfo is missing')
        if _name(cfg) == 'CombinedDataset':
            factors = cfg.get('sample_ratio_factor')
            if factors is not None and len(factors) != len(inner):
                parts.report(
                    name, ERROR, f'{key}.sample_ratio_factor has '
                    f'{len(factors)} entries for {len(inner)} datasets')
        for index, one in enumerate(inner):
            if not isinstance(one, dict):
                parts.report(name, ERROR,
                             f'{key}.datasets[{index}] is no dataset')
                continue
            count = len(parts.parts)
            found = _add(parts, f'{name}[{index}]', f'{key}.datasets[{index}]',
                         role, one, metainfo)
            for part in parts.parts[count:]:
                part.target = part.target or target
            target = target or found
        return target
    if isinstance(cfg.get('dataset'), dict):
        return _add(parts, name, f'{key}.dataset', role, cfg['dataset'],
                    metainfo)
    part, faults = _set_up(Part(name, key, role, cfg), metainfo, parts.labels)
    for fault in faults:
        parts.report(name, ERROR, fault)
    if part is None:
        return None
    parts.parts.append(part)
    return part.metainfo


def _parse(metainfo: dict) -> Tuple[Optional[dict], str]:
    """Parse a metainfo, or say why not."""
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return parse_pose_metainfo(deepcopy(dict(metainfo))), ''
    except Exception as error:  # whatever is in there
        return None, reason(error)


def _set_up(part: Part, metainfo: Optional[dict],
            labels: Optional[dict]) -> Tuple[Optional[Part], List[str]]:
    """Let the dataset's own class join paths and parse the metainfo."""
    from mmpose.datasets.datasets import BaseCocoStyleDataset, MpiiDataset
    from mmpose.registry import DATASETS

    from semipose_mm.data_files.images import allowed_roots
    from semipose_mm.datasets import UnlabeledPoseDataset
    cfg = deepcopy(dict(part.cfg, pipeline=[], lazy_init=True))
    unlabeled = _name(cfg) == 'UnlabeledPoseDataset'
    if not cfg.get('metainfo'):
        if metainfo:
            cfg['metainfo'] = deepcopy(metainfo)
        elif unlabeled and labels:
            cfg['metainfo'] = labels
        elif unlabeled:
            # the labeled part is broken; its fault is told there
            cfg['metainfo'] = dict(from_file='configs/_base_/datasets/coco.py')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            dataset = DATASETS.build(cfg)
    except Exception as error:  # whatever the config says
        return None, [f'{part.key} cannot be set up: {reason(error)}']
    part.ann_file = getattr(dataset, 'ann_file', '') or ''
    part.bbox_file = getattr(dataset, 'bbox_file', '') or ''
    part.folder = (getattr(dataset, 'data_prefix', None) or {}).get('img', '')
    if not cfg.get('allow_outside'):
        part.roots = allowed_roots(part.folder,
                                   getattr(dataset, 'data_root', None))
    part.metainfo = dataset.metainfo
    if isinstance(dataset, UnlabeledPoseDataset):
        plain = not part.ann_file or part.ann_file.endswith('.txt')
        part.reader = FOLDER if plain else 'unlabeled'
    elif isinstance(dataset, MpiiDataset):
        part.reader = 'mpii'
    elif isinstance(dataset, BaseCocoStyleDataset) and all(
            getattr(type(dataset), name) is getattr(BaseCocoStyleDataset, name)
            for name in ('_load_annotations', 'parse_data_info')):
        part.reader = 'mmpose'
    needed = ('num_keypoints', 'keypoint_id2name', 'flip_indices')
    if not all(key in part.metainfo for key in needed):
        return None, [f'{part.key} has no metainfo about keypoints']
    return part, []


def evaluation_files(cfg: dict) -> List[Tuple[str, str, dict]]:
    """Find the annotation files of the evaluators.

    Args:
        cfg (dict): The config.

    Returns:
        list[tuple[str, str, dict]]: Of each metric with an ``ann_file``: the
        role of its dataset, its config key, and its config.
    """
    found = []
    for role in ('val', 'test'):
        key = f'{role}_evaluator'
        metrics = cfg.get(key)
        if role == 'test' and metrics == cfg.get('val_evaluator'):
            continue
        if isinstance(metrics, dict):
            inner = metrics.get('metrics')
            if inner is None:
                metrics, names = [metrics], [key]
            else:
                many = isinstance(inner, (list, tuple))
                metrics = inner if many else [inner]
                names = [f'{key}.metrics[{i}]' for i in range(len(metrics))]
        else:
            metrics = metrics if isinstance(metrics, (list, tuple)) else []
            names = [f'{key}[{i}]' for i in range(len(metrics))]
        found += [(role, name, metric) for name, metric in zip(names, metrics)
                  if isinstance(metric, dict) and metric.get('ann_file')]
    return found


def flips(cfg: dict, pipelines: List[Any]) -> bool:
    """Whether training or testing flips images.

    Args:
        cfg (dict): The config.
        pipelines (list): The pipelines of the datasets.

    Returns:
        bool: True if so.
    """
    for pipeline in pipelines:
        for step in pipeline if isinstance(pipeline, (list, tuple)) else ():
            if isinstance(step, dict) and _name(step) == 'RandomFlip':
                return True
    model = cfg.get('model')
    test_cfg = model.get('test_cfg') if isinstance(model, dict) else None
    return isinstance(test_cfg, dict) and bool(test_cfg.get('flip_test'))
