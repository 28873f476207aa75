# Copyright (c) semipose_mm authors.
"""Where boxes come from: one rule for labeled and unlabeled images."""
from typing import Any, List, Optional, Sequence, Tuple

from .findings import DataError
from .numbers import are_numbers, is_number
from .text import show

#: What a rule of each kind has beside its kind.
KINDS = dict(whole=(), region=('region', ), keypoints=('margin', ))
_ALLOWED = ("dict(kind='whole'), dict(kind='region', region=[x, y, width, "
            "height]) in pixels or dict(kind='keypoints', margin=0.25)")


def check_box_rule(rule: Any, where: str) -> dict:
    """Check a box rule.

    Args:
        rule (Any): ``dict(kind='whole')``, the image itself;
            ``dict(kind='region', region=[x, y, w, h])``, one box in pixels for
            all images; or ``dict(kind='keypoints', margin=0.25)``, the tight
            box of the labeled keypoints, each side longer by ``margin`` times
            its longer side and two pixels at least.
        where (str): The config key, option or file that has it, for messages.

    Returns:
        dict: The same, as a plain dict of its own.

    Raises:
        DataError: In one line, if it is none of these.
    """
    kind = rule.get('kind') if isinstance(rule, dict) else None
    if kind not in KINDS or set(rule) != {'kind', *KINDS[kind]}:
        raise DataError(f'{where} {show(rule)}; it must be {_ALLOWED}')
    if kind == 'keypoints':
        margin = rule['margin']
        if not is_number(margin) or margin < 0:
            raise DataError(f'{where}.margin {show(margin)}; it must be a '
                            'number of at least 0')
        return dict(kind=kind, margin=margin)
    if kind == 'region':
        region = list(rule['region']) if isinstance(
            rule['region'], (list, tuple)) else rule['region']
        if not are_numbers(region) or len(region) != 4 or min(
                region[:2]) < 0 or min(region[2:]) <= 0:
            raise DataError(
                f'{where}.region {show(region)}; it must be x, y, width, '
                'height in pixels, the first two at least 0, the last two '
                'above')
        return dict(kind=kind, region=region)
    return dict(kind=kind)


def rule_box(
    rule: dict,
    width: float,
    height: float,
    keypoints: Optional[Sequence[float]] = None
) -> Tuple[float, float, float, float]:
    """The box of an instance by a rule.

    Args:
        rule (dict): See :func:`check_box_rule`.
        width (float): Width of the image in pixels.
        height (float): Its height.
        keypoints (Sequence[float], optional): x, y in pixels and visibility
            of each joint, flat; a rule of kind ``'keypoints'`` needs one with
            a visibility above 0.

    Returns:
        tuple[float]: x, y, width, height in pixels, inside of the image.

    Raises:
        DataError: If a region has no area in the image, or a rule needs
            keypoints and there are none.
    """
    if rule['kind'] == 'whole':
        return 0., 0., float(width), float(height)
    if rule['kind'] == 'region':
        x, y, w, h = rule['region']
        low, high = [x, y], [x + w, y + h]
    else:
        low, high = _around(keypoints or (), rule['margin'])
    found: List[float] = []
    sides = []
    for first, last, limit in zip(low, high, (width, height)):
        first, last = min(max(first, 0.), limit), max(min(last, limit), 0.)
        found.append(float(first))
        sides.append(float(last - first))
    if min(sides) <= 0:
        raise DataError(f'the box rule {rule} gives no box inside of an image '
                        f'of {width:g} x {height:g} pixels')
    return found[0], found[1], sides[0], sides[1]


def _around(keypoints: Sequence[float], margin: float) -> Tuple[list, list]:
    """Corners of what labeled joints span, with a margin around."""
    labeled = [(x, y) for x, y, flag in zip(keypoints[0::3], keypoints[1::3],
                                            keypoints[2::3]) if flag > 0]
    if not labeled:
        raise DataError("a box rule of kind 'keypoints' needs a labeled "
                        'keypoint')
    low, high = [list(map(f, zip(*labeled))) for f in (min, max)]
    # a single joint, or joints in a row, have a box of two pixels
    slack = max(2., margin * max(b - a for a, b in zip(low, high))) / 2
    return [a - slack for a in low], [b + slack for b in high]
