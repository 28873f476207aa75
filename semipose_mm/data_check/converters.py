# Copyright (c) semipose_mm authors.
"""How the keypoints of a part are mapped to those of a combination."""
from typing import Any, List

from semipose_mm.config_files import type_name
from semipose_mm.data_files.keypoint_names import find_sides
from .names import names_of, plain, some
from .parts import Part
from .report import Section


def check_converter(part: Part, section: Section) -> None:
    """Check how a part of a combination is mapped to the whole."""
    pipeline, key = part.cfg.get('pipeline'), part.key
    steps = pipeline if isinstance(pipeline, (list, tuple)) else ()
    converter = next(
        (one for one in steps if type_name(one) == 'KeypointConverter'), None)
    names, wanted = names_of(part.metainfo), names_of(part.target)
    if converter is None:
        if len(names) != len(wanted):
            section.error(
                'converter', f'{key}.pipeline', 'has no '
                f'KeypointConverter from {len(names)} to '
                f'{len(wanted)} keypoints')
        elif names != wanted:
            section.warn(
                'converter', key, 'has other keypoints than the '
                "combination's metainfo, and no KeypointConverter")
        return
    if converter.get('num_keypoints') != len(wanted):
        section.error(
            'converter', f'KeypointConverter.num_keypoints of {key}',
            f'is {converter.get("num_keypoints")}, but the '
            f'combination has {len(wanted)}')
    else:
        _check_mapping(
            converter.get('mapping'), names, wanted,
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
            section.error(
                'mapping', where, f'has {pair}, which is no pair of '
                f'keypoints: sources are below {len(names)}, '
                f'targets below {len(wanted)}')
            return
        pairs.append((origins, target))
    to = {origins[0]: i for origins, i in pairs if len(origins) == 1}
    mirror, mirrored = _mirror(names), _mirror(wanted)
    renamed, turned = [], []
    for origins, target in pairs:
        for i in origins:
            if plain(names[i]) != plain(wanted[target]):
                text = f'{names[i]} to {wanted[target]}'
                renamed.append(text)
                other = mirrored[target]
                # the other side has this name, or is not where the other is
                if len(origins) == 1 and other != target and (
                        plain(names[i]) == plain(wanted[other])
                        or to.get(mirror[i], other) != other):
                    turned.append(text)
    if turned:
        section.error('side', where, f'changes the side: {some(turned)}')
    count = len({target for _, target in pairs})
    if count < len(pairs):
        section.error('mapped twice', where, 'maps twice to the same keypoint')
    if not count:
        section.error('mapping', where, 'maps nothing')
    elif not turned:
        among = f', {", ".join(renamed)} among them' if renamed else ''
        section.ok(f'{where}: {count} of {len(wanted)} keypoints are mapped'
                   f'{among}')


def _mirror(names: List[str]) -> List[int]:
    """Index of what a mirror exchanges with each name, or its own."""
    found = list(range(len(names)))
    for one, other in find_sides(list(dict.fromkeys(names))).pairs:
        i, j = names.index(one), names.index(other)
        found[i], found[j] = j, i
    return found
