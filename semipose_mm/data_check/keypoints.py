# Copyright (c) semipose_mm authors.
"""Whether config, metainfo and files speak of the same keypoints."""
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence

from semipose_mm.config_files import type_name
from semipose_mm.data_files import ERROR, NOTE, WARNING
from semipose_mm.data_files.keypoint_names import find_sides
from semipose_mm.data_files.labels import Labels
from semipose_mm.data_files.numbers import is_id
from semipose_mm.data_files.text import show
from .converters import check_converter
from .names import names_of, plain, some
from .parts import Part, Parts
from .report import Section


def check_keypoints(cfg: dict, parts: Parts, section: Section) -> None:
    """Compare the keypoints of all parts, the networks and the flips.

    Args:
        cfg (dict): The config.
        parts (Parts): Its datasets.
        section (Section): Learns what is wrong.
    """
    for part in parts.parts:
        _compare(part, parts.labels, section)
    if parts.labels is not None:
        _check_flips(parts.labels, _is_flipped(cfg, parts.pipelines), section)
        _check_heads(cfg, parts.labels['num_keypoints'], section)


def _compare(part: Part, labels: Optional[dict], section: Section) -> None:
    """Compare the keypoints of a part with those of the labels."""
    before = section.count(ERROR) + section.count(WARNING)
    _check_metainfo(part, section)
    if part.target is not None:
        check_converter(part, section)
    target = part.target or part.metainfo
    num = target['num_keypoints']
    if labels is not None and num != labels['num_keypoints']:
        section.error(
            'number', part.key, f'has {num} keypoints, but the '
            f'labels have {labels["num_keypoints"]}')
    elif labels is not None and part.role != 'unlabeled' and \
            target['keypoint_id2name'] != labels['keypoint_id2name']:
        section.warn(
            'names', part.key, 'has keypoints of other names or '
            'order than the labels')
    if part.section.name in ('labeled', 'labeled[0]') and \
            before == section.count(ERROR) + section.count(WARNING):
        section.ok(f'{part.section.name}: {num} keypoints of '
                   f"'{part.metainfo['dataset_name']}'")


def _check_metainfo(part: Part, section: Section) -> None:
    """Check the metainfo of a part in itself."""
    metainfo, where = part.metainfo, f'{part.key}.metainfo'
    names, flip = names_of(metainfo), metainfo['flip_indices']
    if sorted(metainfo['keypoint_id2name']) != list(range(len(names))):
        section.error(
            'numbers', where, 'has other numbers than 0, 1, 2, ... '
            'in keypoint_info')
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        section.error('twice', where, 'has keypoints of the same name: '
                      f'{", ".join(twice)}')
    for key, name in (('dataset_keypoint_weights', 'joint_weights'),
                      ('sigmas', 'sigmas')):
        if len(metainfo[key]) != len(names):
            section.error(
                name, f'{where}.{name}', f'has {len(metainfo[key])} '
                f'entries for {len(names)} keypoints')
    bad = [
        name for i, name in enumerate(names)
        if not (0 <= flip[i] < len(names) and flip[flip[i]] == i)
    ]
    if bad:
        section.error(
            'swap', where, "has a 'swap' that does not go both "
            f'ways: {some(bad)}')


def _check_flips(metainfo: dict, flipped: bool, section: Section) -> None:
    """Check the pairs that a flip exchanges, by what names say."""
    names, flip = names_of(metainfo), metainfo['flip_indices']
    if len(set(names)) < len(names):
        return
    partner = {
        name: names[i]
        for name, i in zip(names, flip) if 0 <= i < len(names)
    }
    sides, where = find_sides(names), "the metainfo's 'swap'"
    unpaired = [
        f'{one} and {other}' for one, other in sides.pairs
        if partner.get(one) != other
    ]
    doubtful = [one for one in sides.doubtful if partner.get(one) == one]
    pairs = sum(i != other for i, other in enumerate(flip)) // 2
    if unpaired:
        section.add(
            ERROR if flipped else NOTE, 'unpaired', where,
            'does not exchange names that are left and right'
            f'{"" if flipped else " (nothing is flipped)"}: '
            f'{some(unpaired)}')
    elif flipped and doubtful:
        section.warn(
            'doubtful',
            where, 'has no partner for names that look '
            f'like one of a pair: {some(doubtful)}',
            advice='Images are flipped: give their pairs, or leave '
            'RandomFlip and flip_test out')
    elif flipped and not pairs:
        section.warn(
            'no pairs', where, 'exchanges nothing, and images are '
            'flipped; fine only if no keypoint has a side')
    else:
        section.ok(f'{pairs} flip pairs' +
                   ('' if flipped else '; nothing is flipped'))


def _is_flipped(cfg: dict, pipelines: List[Any]) -> bool:
    """Whether training or testing flips images."""
    steps = [
        step for one in pipelines if isinstance(one, (list, tuple))
        for step in one
    ]
    model = cfg.get('model')
    test_cfg = model.get('test_cfg') if isinstance(model, dict) else None
    return any(type_name(step) == 'RandomFlip'
               for step in steps) or (isinstance(test_cfg, dict)
                                      and bool(test_cfg.get('flip_test')))


def _check_heads(cfg: dict, num_keypoints: int, section: Section) -> None:
    """Compare the heads of all networks with the number of keypoints."""
    model = cfg.get('model')
    heads: Dict[str, Any] = {}
    if isinstance(model, dict):
        heads['model.head'] = model.get('head')
        for index, peer in enumerate(model.get('peers') or ()):
            if isinstance(peer, dict) and 'head' in peer:
                heads[f'model.peers[{index}].head'] = peer['head']
    for key, head in heads.items():
        channels = head.get('out_channels') if isinstance(head, dict) else None
        if channels is None and key == 'model.head':
            section.note(key, key, 'has no out_channels to compare')
        elif channels is not None and channels != num_keypoints:
            section.error(
                key, f'{key}.out_channels', f'is {channels}, but '
                f'the labels have {num_keypoints} keypoints')
        elif channels is not None:
            section.ok(f'{key}.out_channels is {channels} as well')


def check_categories(labels: Labels, expected: Sequence[str],
                     section: Section) -> None:
    """Compare the names in the categories with those of the metainfo.

    Args:
        labels (Labels): The labels.
        expected (Sequence[str]): The names of the metainfo.
        section (Section): Learns what is wrong.
    """
    # categories may be anything that json knows
    known = {
        one['id']: one.get('keypoints')
        for one in labels.categories if is_id(one.get('id'))
    }
    used = dict.fromkeys(
        one.category_id for one in labels.entries
        if not one.reason and is_id(one.category_id))
    wanted = list(map(plain, expected))
    ordered = labels.check_order(expected, section)
    for key in used:
        where, names = f'{labels.where}, category {key}', known.get(key)
        if key not in known:
            section.warn('category', where, 'has labels, but is not listed')
        elif names is None:
            section.note('no names', where, 'does not name its keypoints')
        elif not isinstance(names, list) or len(names) != len(expected):
            section.error(
                'names',
                where,
                f'{show(names)} in keypoints',
                allowed=f'the {len(expected)} names of the metainfo')
        elif list(map(plain, names)) == wanted:
            section.ok(f'{where} names the {len(names)} keypoints of the '
                       'metainfo in its order')
        elif ordered:
            differ = [
                i for i, one in enumerate(names) if plain(one) != wanted[i]
            ]
            # other names may be other words for the same joint
            moved = any(plain(names[i]) in wanted for i in differ)
            told = [
                f'{i}: {names[i]} there, {expected[i]} in the metainfo'
                for i in differ
            ]
            section.add(
                ERROR if moved else WARNING, 'names', where, 'has keypoints '
                f'{"in another order" if moved else "of other names"} than '
                f'the metainfo: {some(told)}')
