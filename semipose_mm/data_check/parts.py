# Copyright (c) semipose_mm authors.
"""The datasets that a config names, set up but not read."""
import warnings
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Set, Tuple

import numpy as np
from mmpose.datasets.datasets import BaseCocoStyleDataset, MpiiDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from semipose_mm.config_files import type_name
from semipose_mm.data_files.images import allowed_roots
from semipose_mm.datasets import UnlabeledPoseDataset
from .report import Section

#: How a dataset reads its files.
COCO, MPII, UNLABELED, OTHER = 'coco', 'mpii', 'unlabeled', 'other'
ROLES = ('labeled', 'unlabeled', 'val', 'test')
_NEEDED = ('num_keypoints', 'keypoint_id2name', 'flip_indices')


@dataclass
class Part:
    """A dataset that reads files.

    Args:
        key (str): Its config key.
        role (str): One of :data:`ROLES`.
        cfg (dict): Its config.
        dataset (BaseDataset): It itself, without its data.
        section (Section): Learns what is found about it.
        roots (tuple[str]): The folders that its images must lie in; none if
            they may lie anywhere.
        max_bad (int): How many of its images may be of no use.
        target (dict, optional): The parsed metainfo of the combination that
            it is a part of.
        categories (set[str]): Names of the categories that are used, as far
            as they are known.
        boxes (np.ndarray): x, y, width, height in pixels of what is used.
        sizes (np.ndarray): Width and height of their images, NaN where that
            is not known.
    """

    key: str
    role: str
    cfg: dict
    dataset: Any
    section: Section
    roots: Tuple[str, ...] = ()
    max_bad: int = 0
    target: Optional[dict] = None
    categories: Set[str] = field(default_factory=set)
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    sizes: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def ann_file(self) -> str:
        """str: Its annotation file or list of images, or empty."""
        return getattr(self.dataset, 'ann_file', '') or ''

    @property
    def bbox_file(self) -> str:
        """str: Its detections, or empty."""
        return getattr(self.dataset, 'bbox_file', '') or ''

    @property
    def folder(self) -> str:
        """str: The folder of its images."""
        return (getattr(self.dataset, 'data_prefix', None)
                or {}).get('img', '')

    @property
    def metainfo(self) -> dict:
        """dict: Its parsed metainfo."""
        return self.dataset.metainfo

    @property
    def reader(self) -> str:
        """str: How it reads its files."""
        cls = type(self.dataset)
        if issubclass(cls, UnlabeledPoseDataset):
            same = cls.load_data_list is UnlabeledPoseDataset.load_data_list
            return UNLABELED if same else OTHER
        if issubclass(cls, MpiiDataset):
            return MPII
        same = issubclass(cls, BaseCocoStyleDataset) and all(
            getattr(cls, name) is getattr(BaseCocoStyleDataset, name)
            for name in ('_load_annotations', 'parse_data_info'))
        return COCO if same else OTHER


class Parts:
    """All datasets of a config.

    Args:
        cfg (dict): The config.

    Attributes:
        parts (list[Part]): Those that could be set up.
        sections (dict[str, Section]): What is found about each, by its name.
        labels (dict, optional): Parsed metainfo of the labels.
        pipelines (list): Pipelines of training and evaluation.
    """

    def __init__(self, cfg: dict) -> None:
        self.parts: List[Part] = []
        self.sections: Dict[str, Section] = {}
        self.pipelines: List[Any] = []
        self.labels: Optional[dict] = None
        datasets = {
            role: _dataset(cfg, f'{role}_dataloader')
            for role in ('train', 'val', 'test')
        }
        for role, dataset in datasets.items():
            key, name = f'{role}_dataloader.dataset', role
            name = 'labeled' if role == 'train' else role
            if dataset is None:
                self._said(name).note(key, 'the config', f'has no {key}')
            elif role == 'test' and dataset == datasets['val']:
                self._said(name).note(key, key, 'is val_dataloader.dataset')
            elif type_name(dataset) == 'SemiPoseDataset':
                self._add_semi(dataset, key)
            else:
                found = self._add(name, key, name, dataset, {})
                self.labels = found if role == 'train' else self.labels

    def of(self, role: str) -> List[Part]:
        """Those of a role."""
        return [part for part in self.parts if part.role == role]

    def _said(self, name: str) -> Section:
        """The section of a name."""
        return self.sections.setdefault(name, Section(name))

    def _add_semi(self, train: dict, key: str) -> None:
        """Add the two halves of a ``SemiPoseDataset``."""
        ratio = train.get('unlabeled_ratio', 1)
        for name in ('labeled', 'unlabeled'):
            half, inner = train.get(name), f'{key}.{name}'
            if isinstance(half, dict):
                found = self._add(name, inner, name, half, train)
                self.labels = self.labels or found
            elif name == 'labeled' or ratio != 0:
                self._said(name).error('dataset', inner, 'is no dataset')
        if ratio == 0 and self.of('unlabeled'):
            self._said('unlabeled').note(
                'ratio', f'{key}.unlabeled_ratio',
                'is 0, so that nothing is drawn from it')

    def _add(self, name: str, key: str, role: str, cfg: dict,
             whole: dict) -> Optional[dict]:
        """Add a dataset, or those that a wrapper combines.

        Returns:
            dict, optional: The parsed metainfo of its samples.
        """
        self.pipelines.append(cfg.get('pipeline'))
        inner, section = cfg.get('datasets'), self._said(name)
        if isinstance(cfg.get('dataset'), dict):
            return self._add(name, f'{key}.dataset', role, cfg['dataset'],
                             whole)
        if not isinstance(inner, (list, tuple)):
            part = self._set_up(Part(key, role, cfg, None, section), whole)
            return part and part.metainfo
        target, combined = None, type_name(cfg) == 'CombinedDataset'
        if cfg.get('metainfo'):
            try:
                target = _quietly(parse_pose_metainfo, dict(cfg['metainfo']))
            except Exception as error:  # whatever is in there
                section.error('metainfo', f'{key}.metainfo',
                              f'cannot be used: {reason(error)}')
        elif combined:
            section.error('metainfo', f'{key}.metainfo', 'is missing')
        factors = cfg.get('sample_ratio_factor')
        if combined and factors is not None and len(factors) != len(inner):
            section.error(
                'factors', f'{key}.sample_ratio_factor',
                f'has {len(factors)} entries for {len(inner)} '
                'datasets')
        for index, one in enumerate(inner):
            place, count = f'{key}.datasets[{index}]', len(self.parts)
            if not isinstance(one, dict):
                section.error('dataset', place, 'is no dataset')
                continue
            found = self._add(f'{name}[{index}]', place, role, one, whole)
            for part in self.parts[count:]:
                part.target = part.target or target
            target = target or found
        if not section.findings:
            del self.sections[name]  # its parts have sections of their own
        return target

    def _set_up(self, part: Part, whole: dict) -> Optional[Part]:
        """Let the dataset's own class join paths and parse the metainfo."""
        cfg = deepcopy(dict(part.cfg, pipeline=[], lazy_init=True))
        part.section.title = f'{part.key} ({type_name(cfg)})'
        if not cfg.get('metainfo'):
            if whole.get('metainfo'):
                cfg['metainfo'] = deepcopy(whole['metainfo'])
            elif type_name(cfg) == 'UnlabeledPoseDataset':
                # without labels, their fault is told there
                cfg['metainfo'] = self.labels or dict(
                    from_file='configs/_base_/datasets/coco.py')
        try:
            part.dataset = _quietly(DATASETS.build, cfg)
        except Exception as error:  # whatever the config says
            part.section.error('dataset', part.key,
                               f'cannot be set up: {reason(error)}')
            return None
        if not all(key in part.metainfo for key in _NEEDED):
            part.section.error('dataset', part.key,
                               'has no metainfo about keypoints')
            return None
        if not (cfg.get('allow_outside') or whole.get('allow_outside')):
            part.roots = allowed_roots(
                part.folder, getattr(part.dataset, 'data_root', None))
        if part.role == 'unlabeled':
            part.max_bad = whole.get('max_bad_images', 100)
        self.parts.append(part)
        return part


def _dataset(cfg: dict, loader: str) -> Optional[dict]:
    """The dataset of a dataloader, None if there is none."""
    loader = cfg.get(loader)
    dataset = loader.get('dataset') if isinstance(loader, dict) else None
    return dataset if isinstance(dataset, dict) else None


def _quietly(build: Any, cfg: dict) -> Any:
    """Build something without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return build(deepcopy(cfg))


def reason(error: BaseException) -> str:
    """The first line of an exception, with its kind where that says more.

    Args:
        error (BaseException): The exception.
    """
    text = str(error).strip().split('\n')[0] or type(error).__name__
    if isinstance(error, KeyError) and len(text) < 40:
        text = f'missing {text}'
    return text if len(text) < 300 else text[:297] + '...'
