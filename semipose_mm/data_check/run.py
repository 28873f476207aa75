# Copyright (c) semipose_mm authors.
"""All checks of a config's data, and those between its parts."""
import os.path as osp
from typing import List, Optional

from .findings import ERROR, NOTE, OK, WARNING, Finding, reason, some
from .images import Folders, check_overlap
from .keypoints import check_converter, check_flips, check_head, check_metainfo
from .part_checks import Files, Options, Result, check_part
from .parts import Part, evaluation_files, find_parts, flips
from .structure import check_evaluation_file


def run_checks(cfg: dict, options: Options) -> List[Result]:
    """Check all data that a config reads.

    Args:
        cfg (dict): The config.
        options (Options): The options.

    Returns:
        list[Result]: The findings about each part.
    """
    parts = find_parts(cfg)
    files, folders = Files(), Folders()
    results = {
        part.name:
        Result(part.name, f'{part.key} ({part.type})', role=part.role)
        for part in parts.parts
    }
    for name, findings in parts.findings.items():
        results.setdefault(name, Result(name, '')).findings += findings
    flipped = flips(cfg, parts.pipelines)
    for part in parts.parts:
        result = results[part.name]
        try:
            check_part(part, result, files, folders, options)
        except Exception as error:  # a file may hold anything
            result.findings.append(
                Finding(
                    ERROR, f'the checks ended early: {type(error).__name__}: '
                    f'{reason(error)}'))
    keypoints = Result('keypoints', 'metainfo, model.head')
    for part in parts.parts:
        compare_keypoints(part, parts.labels, keypoints)
    if parts.labels is not None:
        keypoints.findings += check_flips(parts.labels, flipped)
        keypoints.findings += check_head(cfg, parts.labels['num_keypoints'])
    evaluators = Result('evaluation', 'annotation files of the metrics')
    for role, key, metric in evaluation_files(cfg):
        part = next((p for p in parts.parts if p.role == role), None)
        evaluators.findings += check_metric(key, metric, part, files)
    overlaps = Result('overlap', 'images in common')
    overlaps.findings += check_overlaps(
        list(results.values()), folders, options)
    order = {'labeled': 0, 'unlabeled': 1, 'val': 2, 'test': 3}
    shown = sorted(results.values(), key=lambda r: order[r.name.split('[')[0]])
    return shown + [r for r in (keypoints, evaluators, overlaps) if r.findings]


def compare_keypoints(part: Part, labels: Optional[dict],
                      result: Result) -> None:
    """Compare the keypoints of a part with those of the labels."""
    found = check_metainfo(part.metainfo)
    target = part.target or part.metainfo
    if part.target is not None:
        found += check_converter(
            part.cfg.get('pipeline'), part.metainfo, part.target, part.key)
    num = target['num_keypoints']
    if labels is not None and num != labels['num_keypoints']:
        found.append(
            Finding(
                ERROR, f'{part.key} has {num} keypoints, but the labels have '
                f'{labels["num_keypoints"]}'))
    elif labels is not None and part.role != 'unlabeled' and \
            target['keypoint_id2name'] != labels['keypoint_id2name']:
        found.append(
            Finding(
                WARNING, f'{part.key} has keypoints of other names or order '
                'than the labels'))
    result.findings += [
        Finding(level, f'{part.name}: {text}') for level, text in found
    ]
    if part.name in ('labeled', 'labeled[0]') and not found:
        name = part.metainfo['dataset_name']
        result.findings.append(
            Finding(OK, f"{part.name}: {num} keypoints of '{name}'"))


def check_metric(key: str, metric: dict, part: Optional[Part],
                 files: Files) -> List[Finding]:
    """Check the annotation file of a metric.

    Args:
        key (str): Config key of the metric.
        metric (dict): Its config.
        part (Part, optional): The dataset that it scores.
        files (Files): The annotation files.

    Returns:
        list[Finding]: The findings.
    """
    path = str(metric['ann_file'])
    table = files.table(path, 'coco')
    if table.fatal:
        return [Finding(ERROR, f'{key}.ann_file: {path} {table.fatal}')]
    found = []
    if not metric.get('format_only'):
        found += check_evaluation_file(table, metric.get('use_area', True))
    same = part is not None and osp.realpath(
        part.ann_file) == osp.realpath(path)
    if part is not None and not same:
        other = files.table(part.ann_file, 'coco')
        gone = [i for i in other.images if i not in table.images]
        if gone:
            found.append(
                Finding(
                    ERROR, f'{key}.ann_file has not the images of '
                    f'{part.key}.ann_file: {some(len(gone), gone)}'))
        else:
            found.append(
                Finding(
                    WARNING, f'{key}.ann_file is {path}, but {part.key} reads '
                    f'{part.ann_file}'))
    return found or [Finding(OK, f'{key}.ann_file is that of the dataset')]


def check_overlaps(results: List[Result], folders: Folders,
                   options: Options) -> List[Finding]:
    """Look for images that training and evaluation have in common."""

    def merged(role: str) -> List[str]:
        paths = [p for r in results if r.role == role for p in r.paths]
        return list(dict.fromkeys(paths))

    paths = {
        role: merged(role)
        for role in ('labeled', 'unlabeled', 'val', 'test')
    }
    found = []
    for first, second, level in (('labeled', 'val', ERROR), ('unlabeled',
                                                             'val', ERROR),
                                 ('labeled', 'test', ERROR), ('unlabeled',
                                                              'test', ERROR),
                                 ('val', 'test', NOTE), ('labeled',
                                                         'unlabeled', NOTE)):
        if paths[first] and paths[second]:
            found += check_overlap(paths[first], paths[second],
                                   (first, second), folders, options.images,
                                   options.seed, level)
    return found
