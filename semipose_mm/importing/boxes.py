# Copyright (c) semipose_mm authors.
"""Which box rule labels get, and whether it suits them."""
from typing import List, Optional, Sequence

from semipose_mm.data_files import DataError, Findings
from .project import Project

MARGIN = 0.25
#: A labeled animal with less of an image's longer side gets few pixels.
SMALL = 1 / 3


def rule_told(rule: dict) -> str:
    """A box rule in words.

    Args:
        rule (dict): See :mod:`semipose_mm.data_files.box_rule`.
    """
    return dict(
        whole='whole images',
        region=f'the region {rule.get("region")} of every image',
        keypoints='around the keypoints, with a margin of '
        f'{rule.get("margin")}')[rule['kind']]


def choose_rule(project: Project, rule: Optional[dict],
                findings: Findings) -> dict:
    """Choose the box rule, and say whether it suits the labels.

    Args:
        project (Project): The labels, with the rule that they had.
        rule (dict, optional): The rule that is asked for.
        findings (Findings): Learns what is doubtful.

    Returns:
        dict: The rule of all images.

    Raises:
        DataError: If an image has several instances, and the rule one box.
    """
    crowded = [one for one in project.frames if len(one.people) > 1]
    rule = rule or project.box_rule or (dict(kind='keypoints', margin=MARGIN)
                                        if crowded else dict(kind='whole'))
    if rule['kind'] == 'keypoints':
        return rule
    if crowded:
        raise DataError(
            f'{crowded[0].path} has {len(crowded[0].people)} labeled '
            f'instances, and {len(crowded) - 1} more images have several; '
            f'with boxes of kind {rule["kind"]!r} there must be one an image: '
            '--box keypoints tells them apart')
    if rule['kind'] == 'region':
        x, y, width, height = rule['region']
        for frame in project.frames:
            if x + width > frame.size[0] or y + height > frame.size[1]:
                findings.warn(
                    'region beyond the image', frame.path,
                    f'is {frame.size[0]:g} x {frame.size[1]:g} pixels: the '
                    f'region {rule["region"]} is cut to it')
            for one in frame.people:
                if not all(x <= one[3 * i] <= x +
                           width and y <= one[3 * i + 1] <= y + height
                           for i in _seen(one)):
                    findings.warn(
                        'outside of the region', frame.path,
                        'has labeled joints outside of the region '
                        f'{rule["region"]}')
    else:
        shares = sorted(
            max(
                max(one[k::3][i]
                    for i in _seen(one)) - min(one[k::3][i]
                                               for i in _seen(one))
                for k in (0, 1)) / max(frame.size) for frame in project.frames
            for one in frame.people)
        middle = shares[len(shares) // 2]
        if middle < SMALL:
            findings.warn(
                'small in whole images',
                'the labels',
                f'span {middle:.0%} of the longer side of their images, half '
                'of them less: a box of the whole image leaves few pixels to '
                'them',
                advice='--region X Y W H is one box of the arena, --box '
                'keypoints one of each animal, for which unlabeled images '
                'need a detector')
    return rule


def _seen(keypoints: Sequence[float]) -> List[int]:
    return [i for i, flag in enumerate(keypoints[2::3]) if flag > 0]
