# Copyright (c) semipose_mm authors.
"""The annotation files of the metrics."""
import os.path as osp
from typing import Any, Iterator, Optional, Tuple

from scipy.io import loadmat

from semipose_mm.config_files import type_name
from semipose_mm.data_files import ERROR, Findings
from semipose_mm.data_files.coco_truth import scoring_truth
from semipose_mm.data_files.images import read_images
from semipose_mm.data_files.labels import labels_of
from .parts import Part, Parts, reason
from .report import Section
from .using import Files


def check_metrics(cfg: dict, parts: Parts, files: Files,
                  section: Section) -> None:
    """Check the files by which metrics score.

    Args:
        cfg (dict): The config.
        parts (Parts): Its datasets.
        files (Files): Their files.
        section (Section): Learns what is wrong.
    """
    for role, key, metric in _metrics(cfg):
        part = next(iter(parts.of(role)), None)
        _check_metric(f'{key}.ann_file', metric, part, files, section)
    for part in parts.parts:
        if getattr(part.dataset, 'headbox_file', None):
            _check_headboxes(part, section)


def _metrics(cfg: dict) -> Iterator[Tuple[str, str, dict]]:
    """Role, config key and config of each metric with a file."""
    for role in ('val', 'test'):
        key = f'{role}_evaluator'
        metrics: Any = cfg.get(key)
        if role == 'test' and metrics == cfg.get('val_evaluator'):
            continue
        if isinstance(metrics, dict) and 'metrics' in metrics:
            metrics, key = metrics['metrics'], f'{key}.metrics'
        if isinstance(metrics, dict):
            found = {key: metrics}
        else:
            found = {f'{key}[{i}]': one for i, one in enumerate(metrics or ())}
        for name, metric in found.items():
            if isinstance(metric, dict) and metric.get('ann_file'):
                yield role, name, metric


def _check_metric(key: str, metric: dict, part: Optional[Part], files: Files,
                  section: Section) -> None:
    """Check the file of a metric."""
    path, before = str(metric['ann_file']), section.count(ERROR)
    where = f"{key} '{path}'"
    same = part is not None and osp.realpath(
        part.ann_file) == osp.realpath(path)
    content = files.content(path, key, section)
    if content is None:
        return
    # what is wrong in the file of the dataset is said there
    quiet = Findings(strict=False)
    num = part.metainfo['num_keypoints'] if part is not None else None
    labels = labels_of(
        files.content(path, key, quiet), where, quiet if same else section,
        num)
    if not isinstance(content, dict) or not isinstance(
            content.get('annotations'), list):
        if same:
            section.error('list', where, "has no 'annotations'")
    elif type_name(metric) != 'FastCocoMetric':
        if not metric.get('format_only'):
            _check_stock(where, metric, content['annotations'], section)
    elif not quiet.count(ERROR) and section.count(ERROR) == before:
        _check_own(where, metric, content, same, section)
    if same and section.count(ERROR) == before:
        section.ok(f'{key} is that of the dataset')
    elif part is not None and not same:
        others = read_images(
            files.content(part.ann_file, '', quiet), '', '', quiet)
        other = f"{part.key}.ann_file '{part.ann_file}'"
        gone = [one for one in others if one not in labels.images]
        if gone:
            section.error(
                'images', where, f'lacks {len(gone):,} images of {other}, '
                f'such as that of id {gone[0]!r}')
        else:
            section.warn('another file', where,
                         f'is another file than {other}')


def _check_stock(where: str, metric: dict, annotations: list,
                 section: Section) -> None:
    """Find fields that MMPose's metrics need and cannot mend."""
    area = ['area'] if metric.get('use_area', True) else []
    advice = 'Use FastCocoMetric, which mends it'
    for field in [*area, 'num_keypoints', 'iscrowd']:
        found = f"has no '{field}', which {type_name(metric)} needs"
        for index, one in enumerate(annotations):
            if isinstance(one, dict) and one.get(field) is None:
                section.error(
                    field,
                    f'{where}, annotations[{index}]',
                    found,
                    advice=advice)


def _check_own(where: str, metric: dict, content: dict, same: bool,
               section: Section) -> None:
    """Find what our metric refuses, and what it mends."""
    ids, annotations = metric.get('category_ids'), content['annotations']
    if ids is not None:
        annotations = [
            one for one in annotations if one.get('category_id') in ids
        ]
        if not annotations:
            section.error('categories', where,
                          f'has no annotation of the categories {list(ids)}')
    if not same and not metric.get('format_only'):
        scoring_truth(dict(content, annotations=annotations), where, section)


def _check_headboxes(part: Part, section: Section) -> None:
    """Check MPII's head boxes, by which its metric scores."""
    path, count = part.dataset.headbox_file, part.section.instances
    where = f"{part.key}.headbox_file '{path}'"
    try:
        shape = loadmat(path)['headboxes_src'].shape
    except Exception as error:  # not a file of that kind
        section.error('headboxes', where, f'cannot be read: {reason(error)}')
        return
    if len(shape) != 3 or shape[2] != count:
        section.error(
            'headboxes',
            where,
            f'has headboxes_src of shape {shape}',
            allowed=f'(2, 2, {count}) for the annotations')
    else:
        section.ok(f'{count:,} head boxes')
