# Copyright (c) semipose_mm authors.
"""Whether config, metainfo and files speak of the same keypoints."""
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence

from semipose_mm.data_files import ERROR, NOTE, WARNING
from semipose_mm.data_files.keypoint_names import find_sides
from semipose_mm.data_files.labels import Labels
from semipose_mm.data_files.numbers import is_id
from .parts import Part, Parts, type_name
from .report import Section


def names_of(metainfo: dict) -> List[str]:
    """Names of the keypoints of a parsed metainfo, in their order."""
    names = metainfo['keypoint_id2name']
    return [names[i] for i in sorted(names)]


def _plain(name: Any) -> str:
    """A name without the ways to write it."""
    return ''.join(filter(str.isalnum, str(name))).lower()


def _some(texts: Sequence[str]) -> str:
    """Number and first ones of some things."""
    dots = ', ...' if len(texts) > 3 else ''
    return f'{len(texts):,} ({", ".join(texts[:3])}{dots})'


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
        check_flips(parts.labels, is_flipped(cfg, parts.pipelines), section)
        check_heads(cfg, parts.labels['num_keypoints'], section)


def _compare(part: Part, labels: Optional[dict], section: Section) -> None:
    """Compare the keypoints of a part with those of the labels."""
    before = section.count(ERROR) + section.count(WARNING)
    check_metainfo(part, section)
    if part.target is not None:
        _check_converter(part, section)
    target = part.target or part.metainfo
    num = target['num_keypoints']
    if labels is not None and num != labels['num_keypoints']:
        section.error('number', part.key, f'has {num} keypoints, but the '
                      f'labels have {labels["num_keypoints"]}')
    elif labels is not None and part.role != 'unlabeled' and \
            target['keypoint_id2name'] != labels['keypoint_id2name']:
        section.warn('names', part.key, 'has keypoints of other names or '
                     'order than the labels')
    if part.section.name in ('labeled', 'labeled[0]') and \
            before == section.count(ERROR) + section.count(WARNING):
        section.ok(f"{part.section.name}: {num} keypoints of "
                   f"'{part.metainfo['dataset_name']}'")


def check_metainfo(part: Part, section: Section) -> None:
    """Check the metainfo of a part in itself."""
    metainfo, where = part.metainfo, f'{part.key}.metainfo'
    names, flip = names_of(metainfo), metainfo['flip_indices']
    if sorted(metainfo['keypoint_id2name']) != list(range(len(names))):
        section.error('numbers', where, 'has other numbers than 0, 1, 2, ... '
                      'in keypoint_info')
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice or len(metainfo['keypoint_name2id']) < len(names):
        section.error('twice', where, 'has keypoints of the same name: '
                      f'{", ".join(twice)}')
    for key, name in (('dataset_keypoint_weights', 'joint_weights'),
                      ('sigmas', 'sigmas')):
        if len(metainfo[key]) != len(names):
            section.error(name, f'{where}.{name}', f'has {len(metainfo[key])} '
                          f'entries for {len(names)} keypoints')
    bad = [
        name for i, name in enumerate(names)
        if not (0 <= flip[i] < len(names) and flip[flip[i]] == i)
    ]
    if bad:
        section.error('swap', where, "has a 'swap' that does not go both "
                      f'ways: {_some(bad)}')


def check_flips(metainfo: dict, flipped: bool, section: Section) -> None:
    """Check the pairs that a flip exchanges, by what names say.

    Args:
        metainfo (dict): A parsed one.
        flipped (bool): Whether anything is flipped, in training or testing.
        section (Section): Learns what is wrong.
    """
    names, flip = names_of(metainfo), metainfo['flip_indices']
    if len(set(names)) < len(names):
        return
    partner = {name: names[i] for name, i in zip(names, flip)
               if 0 <= i < len(names)}
    sides, where = find_sides(names), "the metainfo's 'swap'"
    unpaired = [
        f'{one} and {other}' for one, other in sides.pairs
        if partner.get(one) != other
    ]
    doubtful = [one for one in sides.doubtful if partner.get(one) == one]
    pairs = sum(i != other for i, other in enumerate(flip)) // 2
    if unpaired:
        section.add(ERROR if flipped else NOTE, 'unpaired', where,
                    'does not exchange names that are left and right'
                    f'{"" if flipped else " (nothing is flipped)"}: '
                    f'{_some(unpaired)}')
    elif flipped and doubtful:
        section.warn('doubtful', where, 'has no partner for names that look '
                     f'like one of a pair: {_some(doubtful)}',
                     advice='Images are flipped: give their pairs, or leave '
                     'RandomFlip and flip_test out')
    elif flipped and not pairs:
        section.warn('no pairs', where, 'exchanges nothing, and images are '
                     'flipped; fine only if no keypoint has a side')
    else:
        section.ok(f'{pairs} flip pairs' +
                   ('' if flipped else '; nothing is flipped'))


def is_flipped(cfg: dict, pipelines: List[Any]) -> bool:
    """Whether training or testing flips images.

    Args:
        cfg (dict): The config.
        pipelines (list): The pipelines of the datasets.
    """
    steps = [step for one in pipelines if isinstance(one, (list, tuple))
             for step in one]
    model = cfg.get('model')
    test_cfg = model.get('test_cfg') if isinstance(model, dict) else None
    return any(type_name(step) == 'RandomFlip' for step in steps) or (
        isinstance(test_cfg, dict) and bool(test_cfg.get('flip_test')))


def check_heads(cfg: dict, num_keypoints: int, section: Section) -> None:
    """Compare the heads of all networks with the number of keypoints.

    Args:
        cfg (dict): The config.
        num_keypoints (int): Number of keypoints of the labels.
        section (Section): Learns what is wrong.
    """
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
            section.error(key, f'{key}.out_channels', f'is {channels}, but '
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
    known = {one['id']: one for one in labels.categories
             if is_id(one.get('id'))}
    used = dict.fromkeys(one.category_id for one in labels.entries
                         if not one.reason and is_id(one.category_id))
    wanted = list(map(_plain, expected))
    for key in used:
        where = f'{labels.where}, category {key}'
        if key not in known:
            section.warn('category', where, 'is that of labels, but not '
                         'listed')
            continue
        names = known[key].get('keypoints')
        if names is None:
            section.note('no names', where, 'does not name its keypoints')
        elif not isinstance(names, list) or not all(
                isinstance(one, str) for one in names):
            section.error('names', where, 'has keypoints that are no names')
        elif len(names) != len(expected):
            section.error('number', where, f'names {len(names)} keypoints, '
                          f'but the metainfo has {len(expected)}')
        else:
            _compare_names(names, expected, wanted, where, labels, section)


def _compare_names(names: List[str], expected: Sequence[str],
                   wanted: List[str], where: str, labels: Labels,
                   section: Section) -> None:
    """Compare two lists of names of the same length."""
    own = list(map(_plain, names))
    differ = [i for i, name in enumerate(own) if name != wanted[i]]
    told = _some([f'{i}: {names[i]} there, {expected[i]} in the metainfo'
                  for i in differ])
    if not differ:
        section.ok(f'{where} names the {len(own)} keypoints of the metainfo '
                   'in its order')
    elif names != labels.names or labels.check_order(expected, section):
        # other names may be other words for the same; another order is wrong
        moved = any(own[i] in wanted for i in differ)
        section.add(ERROR if moved else WARNING, 'names', where,
                    f'has keypoints {"in another order" if moved else ""}'
                    f'{"" if moved else "of other names"} than the metainfo: '
                    f'{told}')


def _check_converter(part: Part, section: Section) -> None:
    """Check how a part of a combination is mapped to the whole."""
    pipeline, key = part.cfg.get('pipeline'), part.key
    steps = pipeline if isinstance(pipeline, (list, tuple)) else ()
    converter = next((one for one in steps
                      if type_name(one) == 'KeypointConverter'), None)
    names, wanted = names_of(part.metainfo), names_of(part.target)
    if converter is None:
        if len(names) != len(wanted):
            section.error('converter', f'{key}.pipeline', 'has no '
                          f'KeypointConverter from {len(names)} to '
                          f'{len(wanted)} keypoints')
        elif names != wanted:
            section.warn('converter', key, "has other keypoints than the "
                         "combination's metainfo, and no KeypointConverter")
        return
    if converter.get('num_keypoints') != len(wanted):
        section.error('converter', f'KeypointConverter.num_keypoints of {key}',
                      f'is {converter.get("num_keypoints")}, but the '
                      f'combination has {len(wanted)}')
    else:
        _check_mapping(converter.get('mapping'), names, wanted,
                       f'KeypointConverter.mapping of {key}', section)


def _check_mapping(mapping: Any, names: List[str], wanted: List[str],
                   where: str, section: Section) -> None:
    """Check the pairs of a mapping."""
    pairs = []
    for pair in mapping if isinstance(mapping, (list, tuple)) else ():
        try:
            origins, target = pair
            if not isinstance(origins, (list, tuple)):
                origins = [origins]
            if not all(0 <= i < len(names)
                       for i in origins) or not 0 <= target < len(wanted):
                raise IndexError
        except (TypeError, ValueError, IndexError):
            section.error('mapping', where, f'has {pair}, which is no pair of '
                          f'keypoints: sources are below {len(names)}, '
                          f'targets below {len(wanted)}')
            return
        pairs.append((origins, target))
    to = {origins[0]: i for origins, i in pairs if len(origins) == 1}
    mirror, mirrored = _mirror(names), _mirror(wanted)
    renamed, turned = [], []
    for origins, target in pairs:
        for i in origins:
            if _plain(names[i]) != _plain(wanted[target]):
                text = f'{names[i]} to {wanted[target]}'
                renamed.append(text)
                other = mirrored[target]
                # the other side has this name, or is not where the other is
                if len(origins) == 1 and other != target and (
                        _plain(names[i]) == _plain(wanted[other])
                        or to.get(mirror[i], other) != other):
                    turned.append(text)
    if turned:
        section.error('side', where, f'changes the side: {_some(turned)}')
    count = len({target for _, target in pairs})
    if count < len(pairs):
        section.error('mapped twice', where, 'maps twice to the same keypoint')
    text = f'{count} of {len(wanted)} keypoints are mapped'
    if not count:
        section.error('mapping', where, 'maps nothing')
    elif not turned:
        section.ok(f'{part_name(where)}: {text}' +
                   (f', {", ".join(renamed)} among them' if renamed else ''))


def part_name(where: str) -> str:
    """The key that ends a place."""
    return where.rpartition(' ')[2]


def _mirror(names: List[str]) -> List[int]:
    """Index of what a mirror exchanges with each name, or its own."""
    found = list(range(len(names)))
    for one, other in find_sides(list(dict.fromkeys(names))).pairs:
        i, j = names.index(one), names.index(other)
        found[i], found[j] = j, i
    return found
