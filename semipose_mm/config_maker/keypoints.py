# Copyright (c) semipose_mm authors.
"""Which keypoints there are: names, flip pairs, sigmas, skeleton."""
import re
import runpy
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from semipose_mm.data_files import Findings
from semipose_mm.data_files.keypoint_names import find_sides
from .base import ConfigFault, zoo_folder
from .writing import comment

#: What a description may have.
FIELDS = ('keypoints', 'skeleton', 'flip_pairs', 'symmetric', 'sigmas')
#: How well people agree on a joint, where nobody has measured it.
SIGMA = 0.05


class Keypoints(NamedTuple):
    """The keypoints of a data set.

    Attributes:
        names (list[str]): In the order of the annotations.
        known (str, optional): MMPose's metainfo file for the same names.
        raw (dict): MMPose's meta information otherwise.
        pairs (list[tuple[str, str]]): What a flip exchanges.
        sigmas_known (bool): Whether the sigmas are more than a default.
        unflipped (str): Why nothing is flipped; empty if a flip has known
            labels.
    """
    names: List[str]
    known: Optional[str]
    raw: dict
    pairs: List[Tuple[str, str]]
    sigmas_known: bool
    unflipped: str


def keypoint_metainfo(category: dict, name: str) -> dict:
    """MMPose's meta information from a category of a COCO file.

    Keypoints whose names differ by their side are flip pairs unless
    ``flip_pairs`` lists them.

    Args:
        category (dict): ``keypoints`` and, optionally, ``skeleton`` with
            numbers from 1, as COCO has it, or names, ``flip_pairs`` and
            ``sigmas``.
        name (str): Name of the data set.

    Returns:
        dict: A ``metainfo`` for MMPose's datasets.
    """
    names: List[str] = category['keypoints']
    pairs = find_sides(names).pairs
    if category.get('flip_pairs') is not None:
        pairs = [_named(pair, names) for pair in category['flip_pairs']]
    swap = dict([*pairs, *(pair[::-1] for pair in pairs)])
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


def describe_keypoints(category: Optional[dict], where: str,
                       description: Optional[str], name: str,
                       findings: Findings) -> Keypoints:
    """Find out which keypoints the annotations have.

    Args:
        category (dict, optional): The category of a COCO file.
        where (str): The file, for messages.
        description (str, optional): A yaml file with ``keypoints`` and
            optionally ``skeleton``, ``flip_pairs`` or ``symmetric: true``,
            and ``sigmas``.
        name (str): Name of the data set.
        findings (Findings): Learns of a skeleton that cannot be drawn.

    Returns:
        Keypoints: The keypoints.

    Raises:
        ConfigFault: If they are not told.
    """
    entry: Any = dict(category or {})
    if description:
        where, entry = f'--keypoints {description}', read_yaml(description)
    elif not entry.get('keypoints'):
        raise ConfigFault(f"{where} has no category with 'keypoints', the "
                          'names of those that the annotations have; name '
                          'them by --keypoints FILE.yaml')
    names = entry.get('keypoints') if isinstance(entry, dict) else None
    if not description and isinstance(
            names, list) and not _are_pairs(entry.get('skeleton'), names):
        findings.warn(
            'skeleton',
            where, f'has the skeleton {entry.pop("skeleton")}, '
            'which cannot be drawn',
            allowed=f'pairs of numbers from 1 to {len(names)}')
    _check(entry, where)
    unknown = sorted(map(str, set(entry) - set(FIELDS)))
    if description and unknown:
        raise ConfigFault(f'{where} has {", ".join(unknown)}, but '
                          f'may have {", ".join(FIELDS)}')
    if entry.get('symmetric'):
        entry['flip_pairs'] = []
    names, known = entry['keypoints'], None
    raw = keypoint_metainfo(entry, name)
    if entry.get('flip_pairs') is None and not entry.get('sigmas'):
        known = known_metainfo(names)
    if known:
        raw = runpy.run_path(str(_metainfo_folder() / known))['dataset_info']
    swap = {one['name']: one['swap'] for one in raw['keypoint_info'].values()}
    pairs = [(one, swap[one]) for i, one in enumerate(names)
             if swap[one] in names[i + 1:]]
    unflipped = ''
    if not known and entry.get('flip_pairs') is None:
        unflipped = _why_unflipped(names)
    return Keypoints(names, known, raw, pairs,
                     bool(known or entry.get('sigmas')), unflipped)


def _why_unflipped(names: List[str]) -> str:
    """Why names do not tell what a flip exchanges; empty if they do."""
    pairs, doubtful = find_sides(names)
    if doubtful:
        return (f'{", ".join(doubtful)}: their names do not tell for sure '
                'which of them a flip exchanges')
    return '' if pairs else 'no names tell what a flip exchanges'


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


def _are_pairs(pairs: Any, names: List[str]) -> bool:
    """Whether a value is pairs of keypoints, or nothing."""
    return not pairs or isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(
            one in names or type(one) is int and 0 < one <= len(names)
            for one in pair) for pair in pairs)


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
        if not _are_pairs(entry.get(field), names):
            refuse(
                field, 'a list of pairs of names, or of numbers from 1 to '
                f'{len(names)}')
    if entry.get('symmetric') not in (
            None, True,
            False) or entry.get('symmetric') and entry.get('flip_pairs'):
        refuse(
            'symmetric', 'true, with no flip_pairs, if a mirror image '
            'keeps its labels')
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
        *comment(f'Keypoints of {source}.'), 'dataset_info = dict(',
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
