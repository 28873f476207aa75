# Copyright (c) semipose_mm authors.
"""CVAT: the xml file of 'CVAT for images 1.1', which sleap-io cannot read."""
import re
import xml.etree.ElementTree as ET
from html import unescape
from typing import Dict, List, Sequence

from semipose_mm.data_files import DataError, Findings
from .finding import ImageFinder
from .source import Pairs, Source, number_of


def read_cvat(path: str, images: Sequence[str], findings: Findings) -> Source:
    """Read skeletons, or single points that groups put together.

    Args:
        path (str): The xml file.
        images (Sequence[str]): Folders of ``--images``.
        findings (Findings): Learns what is doubtful.

    Returns:
        Source: The labels; a point that is ``occluded`` has visibility 1,
        one that is ``outside`` is not labeled.

    Raises:
        DataError: If it is another kind of file.
    """
    source = Source(path, 'CVAT for images', [], files=[path])
    where = source.where
    try:
        with open(path, 'rb') as file:
            data = file.read()
        if b'<!ENTITY' in data:
            raise DataError(f'{where} defines entities, which no export does')
        root = ET.fromstring(data)
    except (OSError, ET.ParseError) as error:
        raise DataError(f'{where} cannot be read: {error}') from error
    if root.tag != 'annotations' or root.find('track') is not None or \
            root.find('image') is None:
        raise DataError(f"{where} is no 'CVAT for images 1.1': export the "
                        'task in that format')
    source.names, source.skeleton = _described(root)
    if source.names:
        parents = {one.get('label') for one in root.iter('skeleton')}
        if len(parents) == 1:
            source.category = str(parents.pop())
    known = bool(source.names)
    found = []
    for image in root.iter('image'):
        place = f'{where}, image {image.get("name")}'
        people = _people(image, place)
        found.append((image.get('name', ''), place, people))
        names = dict.fromkeys(name for one in people for name in one)
        unknown = [one for one in names if one not in source.names]
        if unknown and known:
            raise DataError(f'{place} has the points {", ".join(unknown)}; '
                            f'allowed are {", ".join(source.names)}')
        source.names.extend(unknown)
    if not source.names:
        raise DataError(f'{where} has no skeleton and no points')
    finder = ImageFinder(path, images)
    for name, place, people in found:
        if any(people):
            source.add([source.flat(one) for one in people],
                       finder.find(name, place))
        else:
            source.left_out['frames without a label'] += 1
    return source


def _described(root: ET.Element) -> tuple:
    """Names and lines of the skeleton that the labels of a task describe."""
    names: List[str] = []
    lines: Pairs = []
    for label in root.iter('label'):
        name = label.findtext('name') or ''
        if label.findtext('parent') and name not in names:
            names.append(name)
    for label in root.iter('label'):
        svg = label.findtext('svg') or ''
        if label.find('svg') is not None and not svg.strip():
            svg = ''.join(
                ET.tostring(one, 'unicode') for one in label.find('svg'))
        tags = [{
            key: unescape(value)
            for key, value in re.findall(r'([\w-]+)="([^"]*)"', one)
        } for one in re.findall(r'<(?:circle|line)\b[^>]*>', svg)]
        nodes = {
            one['data-node-id']: one['data-label-name']
            for one in tags
            if 'data-label-name' in one and 'data-node-id' in one
        }
        for one in tags:
            ends = [
                nodes.get(one.get(f'data-node-{end}', ''))
                for end in ('from', 'to')
            ]
            if None not in ends and set(ends) <= set(names):
                lines.append((str(ends[0]), str(ends[1])))
    return names, lines


def _people(image: ET.Element, place: str) -> List[Dict[str, tuple]]:
    """The labeled points of each instance, by name."""
    people = [
        _points(one.findall('points'), place)
        for one in image.findall('skeleton')
    ]
    groups: Dict[str, list] = {}
    for one in image.findall('points'):
        groups.setdefault(one.get('group_id', '0'), []).append(one)
    people += [_points(group, place) for group in groups.values()]
    return [one for one in people if one]


def _points(elements: Sequence[ET.Element], place: str) -> Dict[str, tuple]:
    """Points of one instance."""
    found: Dict[str, tuple] = {}
    for one in elements:
        name, text = one.get('label', ''), one.get('points', '')
        if one.get('outside') == '1':
            continue
        values = [number_of(v, f'{place}, {name}') for v in text.split(',')]
        if len(values) != 2 or None in values:
            raise DataError(f'{place}, {name} is {text!r}; it must be x and y '
                            'of one point')
        if name in found:
            raise DataError(f'{place} has {name} twice in one instance; draw '
                            'skeletons, or group the points of an animal')
        found[name] = (*values, 1 if one.get('occluded') == '1' else 2)
    return found
