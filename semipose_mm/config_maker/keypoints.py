# Copyright (c) semipose_mm authors.
"""Which keypoints there are: names, flip pairs, sigmas, skeleton."""
import re
import runpy
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from .base import zoo_folder
from .faults import ConfigFault

#: How keypoints of a pair differ in their names: by a word, or by a letter
#: that is no part of one.
SIDES = (('left', 'right', '{}'), ('Left', 'Right', '{}'),
         ('LEFT', 'RIGHT', '{}'), ('l', 'r', r'(?<![A-Za-z]){}(?![a-z])'),
         ('L', 'R', r'(?<![A-Z]){}(?![a-z])'))
#: What a description may have.
FIELDS = ('keypoints', 'skeleton', 'flip_pairs', 'sigmas')
#: How well people agree on a joint, where nobody has measured it.
SIGMA = 0.05


class Keypoints(NamedTuple):
    """The keypoints of a data set.

    Attributes:
        names (list[str]): In the order of the annotations.
        known (str, optional): MMPose's metainfo file for the same names.
        raw (dict): MMPose's meta information otherwise.
        pairs (int): Number of pairs that a flip exchanges.
        sigmas_known (bool): Whether the sigmas are more than a default.
        named (bool): Whether the names tell anything: of ``kp0``, ``kp1``
            nobody knows what a flip exchanges.
    """
    names: List[str]
    known: Optional[str]
    raw: dict
    pairs: int
    sigmas_known: bool
    named: bool


def other_side(keypoint: str, names: List[str]) -> str:
    """The keypoint that a flip exchanges with another one.

    Args:
        keypoint (str): Its name.
        names (list[str]): All names.

    Returns:
        str: The name of the other one, empty if there is none.
    """
    for left, right, pattern in SIDES:
        for a, b in ((left, right), (right, left)):
            other = re.sub(pattern.format(a), b, keypoint)
            if other != keypoint and other in names:
                return other
    return ''


def keypoint_metainfo(category: dict, name: str) -> dict:
    """MMPose's meta information from a category of a COCO file.

    Keypoints whose names differ by the words in :data:`SIDES` are flip pairs
    unless ``flip_pairs`` lists them.

    Args:
        category (dict): ``keypoints`` and, optionally, ``skeleton`` with
            numbers from 1, as COCO has it, or names, ``flip_pairs`` and
            ``sigmas``.
        name (str): Name of the data set.

    Returns:
        dict: A ``metainfo`` for MMPose's datasets.
    """
    names: List[str] = category['keypoints']
    if category.get('flip_pairs') is not None:
        pairs = [_named(pair, names) for pair in category['flip_pairs']]
        swap = dict([*pairs, *(pair[::-1] for pair in pairs)])
    else:
        swap = {one: other_side(one, names) for one in names}
    colors = [[(53 * i + 80) % 256, (97 * i + 40) % 256, (151 * i) % 256]
              for i in range(len(names))]
    links = [_named(link, names) for link in category.get('skeleton') or []]
    # of no joint is known how well people agree on it
    sigmas = category.get('sigmas') or [SIGMA] * len(names)
    return dict(
        dataset_name=name,
        paper_info=dict(),
        keypoint_info={
            i:
            dict(
                name=one,
                id=i,
                color=colors[i],
                type='',
                swap=swap.get(one, ''))
            for i, one in enumerate(names)
        },
        skeleton_info={
            i: dict(link=(a, b), id=i, color=colors[names.index(b)])
            for i, (a, b) in enumerate(links)
        },
        joint_weights=[1.] * len(names),
        sigmas=[float(sigma) for sigma in sigmas])


def _named(pair, names: List[str]) -> tuple:
    """A pair of keypoints by name, from names or numbers from 1."""
    return tuple(
        one if isinstance(one, str) else names[one - 1] for one in pair)


def describe_keypoints(content: Any, path: str, description: Optional[str],
                       name: str) -> Keypoints:
    """Find out which keypoints the annotations have.

    Args:
        content (Any): A file in COCO's keypoint format.
        path (str): Its path, for messages.
        description (str, optional): A yaml file with ``keypoints`` and
            optionally ``skeleton``, ``flip_pairs`` and ``sigmas``.
        name (str): Name of the data set.

    Returns:
        Keypoints: The keypoints.

    Raises:
        ConfigFault: If they are not told, or not of one kind.
    """
    where = description or path
    entry = read_yaml(description) if description else \
        _used_category(content, path)
    _check(entry, where)
    unknown = sorted(map(str, set(entry) - set(FIELDS)))
    if description and unknown:
        raise ConfigFault(f'--keypoints {where} has {", ".join(unknown)}, but '
                          f'may have {", ".join(FIELDS)}')
    names = entry['keypoints']
    for index, annotation in enumerate(content['annotations']):
        values = annotation.get('keypoints')
        if isinstance(values, list) and len(values) != 3 * len(names):
            raise ConfigFault(
                f'{path}, annotations[{index}].keypoints has {len(values)} '
                f'numbers, but {where} names {len(names)} keypoints, which '
                f'need {3 * len(names)}: x, y, visibility of each')
    raw = keypoint_metainfo(entry, name)
    pairs = sum(bool(one['swap']) for one in raw['keypoint_info'].values())
    named = entry.get('flip_pairs') is not None or has_meaning(names)
    known = None
    if not any(entry.get(field) for field in ('flip_pairs', 'sigmas')):
        known = known_metainfo(names)
    if known:
        raw = runpy.run_path(str(_metainfo_folder() / known))['dataset_info']
        pairs = sum(bool(one['swap']) for one in raw['keypoint_info'].values())
    return Keypoints(names, known, raw, pairs // 2,
                     bool(known or entry.get('sigmas')), named)


def has_meaning(names: List[str]) -> bool:
    """Whether names are more than a word with a number, or a number."""
    return len({re.sub(r'[\W_]*\d+$', '', name) for name in names}) > 1 or \
        not re.search(r'\d+$', names[0])


def _metainfo_folder() -> Path:
    return Path(zoo_folder(), '_base_', 'datasets')


def known_metainfo(names: List[str]) -> Optional[str]:
    """MMPose's file for exactly these names in this order.

    Args:
        names (list[str]): The names.

    Returns:
        str, optional: Name of the file, COCO's if there are several.
    """
    if not has_meaning(names):
        return None
    found = []
    for path in sorted(_metainfo_folder().glob('*.py')):
        info = runpy.run_path(str(path)).get('dataset_info', dict())
        points: Dict[int, dict] = info.get('keypoint_info', dict())
        if [points[i]['name'] for i in sorted(points)] == names:
            found.append(path.name)
    return min(found, key=lambda one: (one != 'coco.py', one), default=None)


def read_yaml(path: str) -> Any:
    """Read a description of keypoints."""
    import yaml
    try:
        with open(path, encoding='utf-8') as file:
            return yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).split('\n')[0]
        raise ConfigFault(f'--keypoints {path} cannot be read: '
                          f'{reason}') from error


def _used_category(content: Any, path: str) -> dict:
    """The category whose keypoints the annotations have."""
    advice = 'name them by --keypoints FILE.yaml'
    entries = content.get('categories')
    if not isinstance(entries, list):
        raise ConfigFault(f"{path} has no list 'categories', from which names "
                          f'of the keypoints could be read; {advice}')
    ids = {one.get('category_id') for one in content['annotations']}
    used = [
        one for one in entries if isinstance(one, dict)
        and one.get('id') in ids and one.get('keypoints')
    ]
    if not used:
        raise ConfigFault(f'{path}: no category that the annotations have '
                          f"names any 'keypoints'; {advice}")
    for one in used[1:]:
        if one['keypoints'] != used[0]['keypoints']:
            raise ConfigFault(
                f'{path} has annotations of the categories '
                f'{used[0].get("name")} and {one.get("name")}, whose '
                'keypoints differ: make a file for one of them '
                '(semipose subset --category)')
    return used[0]


def _check(entry: Any, where: str) -> None:
    """Refuse a description that says something impossible."""

    def refuse(field: str, allowed: str):
        raise ConfigFault(f'{where}: {field} is {entry.get(field)!r}, but '
                          f'must be {allowed}')

    if not isinstance(entry, dict) or not entry.get('keypoints'):
        raise ConfigFault(f"{where} has no 'keypoints', a list of names")
    names = entry['keypoints']
    if not isinstance(names, list) or len(set(map(
            str, names))) != len(names) or not all(
                isinstance(one, str) and one for one in names):
        refuse('keypoints', 'a list of different names')
    for field in ('skeleton', 'flip_pairs'):
        pairs = entry.get(field) or []
        fine = isinstance(pairs, list) and all(
            isinstance(pair, list) and len(pair) == 2 and all(
                one in names or type(one) is int and 0 < one <= len(names)
                for one in pair) for pair in pairs)
        if not fine:
            refuse(
                field, 'a list of pairs of names, or of numbers from 1 to '
                f'{len(names)}')
    flipped = [
        one for pair in entry.get('flip_pairs') or []
        for one in _named(pair, names)
    ]
    if len(set(flipped)) != len(flipped):
        refuse('flip_pairs', 'pairs in which a keypoint comes once')
    sigmas = entry.get('sigmas')
    if sigmas is not None and not (isinstance(
            sigmas, list) and len(sigmas) == len(names) and all(
                isinstance(one, (int, float)) and one > 0 for one in sigmas)):
        refuse('sigmas', f'a list of {len(names)} positive numbers')


def metainfo_text(keypoints: Keypoints, source: str) -> str:
    """A file of meta information, as MMPose keeps it.

    Args:
        keypoints (Keypoints): The keypoints.
        source (str): Where their names come from.

    Returns:
        str: Python code, a line a keypoint.
    """
    raw = keypoints.raw
    lines = [
        f'# Keypoints of {source}.', 'dataset_info = dict(',
        f'    dataset_name={raw["dataset_name"]!r},', '    paper_info=dict(),'
    ]
    for field in ('keypoint_info', 'skeleton_info'):
        lines.append(f'    {field}={{')
        for i, one in raw[field].items():
            inner = ', '.join(f'{k}={v!r}' for k, v in one.items())
            lines.append(f'        {i}: dict({inner}),')
        lines.append('    },')
    lines.append('    joint_weights=[1.] * '
                 f'{len(keypoints.names)},')
    if keypoints.sigmas_known:
        lines.append(f'    sigmas={raw["sigmas"]})')
    else:
        lines += [
            '    # a default: nobody measured how well people agree',
            f'    sigmas=[{SIGMA}] * {len(keypoints.names)})'
        ]
    return '\n'.join(lines) + '\n'
