# Copyright (c) semipose_mm authors.
"""One rule for the boxes of a project, in training and in prediction.

A rule is a plain dict: ``dict(kind='whole')``, ``dict(kind='region',
region=[x, y, w, h])`` or ``dict(kind='keypoints', margin=0.25)``. It is
``box_rule`` of a config and of a project's ``manifest.json``.
"""
from typing import Any, Optional, Tuple

import numpy as np

from .findings import DataError
from .numbers import BOX, is_box, is_number
from .text import show

#: What a rule holds beside its kind.
KINDS = dict(whole=(), region=('region', ), keypoints=('margin', ))


def check_box_rule(rule: Any, where: str) -> dict:
    """Check a rule.

    Args:
        rule (Any): What is given as one.
        where (str): The config key or file and entry, for messages.

    Returns:
        dict: The rule, as a plain dict.

    Raises:
        DataError: If it is none.
    """
    kind = rule.get('kind') if isinstance(rule, dict) else None
    if kind not in KINDS or set(rule) != {'kind', *KINDS[kind]}:
        raise DataError(
            f"{where} {show(rule)}; it must be dict(kind='whole'), "
            "dict(kind='region', region=[x, y, w, h]) or "
            "dict(kind='keypoints', margin=0.25)")
    rule = dict(rule)
    if kind == 'region':
        rule['region'] = box = list(rule['region'])
        if not is_box(box) or min(box[2:]) <= 0:
            raise DataError(f'{where}.region {show(box)}; it must be {BOX}, '
                            'of positive width and height')
    if kind == 'keypoints' and not (is_number(rule['margin'])
                                    and rule['margin'] >= 0):
        raise DataError(f'{where}.margin {show(rule["margin"])}; it must be '
                        'a number of at least 0')
    return rule


def rule_box(
    rule: dict,
    width: int,
    height: int,
    keypoints: Optional[np.ndarray] = None
) -> Tuple[float, float, float, float]:
    """The box of an image by a rule.

    Args:
        rule (dict): As :func:`check_box_rule` returns it.
        width (int): Of the image in pixels.
        height (int): Of the image in pixels.
        keypoints (np.ndarray, optional): The labeled keypoints (n, 2) in
            pixels of the image, n > 0. Only those rules that need them look
            at them. Defaults to None.

    Returns:
        tuple: x, y, width, height in pixels.
    """
    if rule['kind'] == 'whole':
        return 0., 0., float(width), float(height)
    if rule['kind'] == 'region':
        return tuple(map(float, rule['region']))
    points = np.asarray(keypoints, dtype=np.float64)[:, :2]
    low, high = points.min(0), points.max(0)
    # the box becomes longer by the margin, half of it at each end
    reach = rule['margin'] * (high - low).max() / 2
    x1, y1 = np.clip(low - reach, 0, [width, height])
    x2, y2 = np.clip(high + reach, 0, [width, height])
    return float(x1), float(y1), float(x2 - x1), float(y2 - y1)
