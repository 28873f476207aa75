# Copyright (c) semipose_mm authors.
"""CVAT: 'CVAT for images 1.1', and the labels for a task's constructor.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/ and
https://docs.cvat.ai/docs/manual/advanced/xml_format/ have the format.
"""
import xml.etree.ElementTree as ET
from typing import Dict, Sequence

import numpy as np

from semipose_mm.files import json_bytes
from ..candidates import Subject
from ..shots import Shot

FILE, LABELS = 'cvat.xml', 'cvat_labels.json'


def contents(shots: Sequence[Shot], subject: Subject) -> Dict[str, bytes]:
    """Write a skeleton an image.

    Args:
        shots (Sequence[Shot]): The frames.
        subject (Subject): What is labeled.

    Returns:
        dict[str, bytes]: The annotations, in which joints that are not
        pre-annotated are ``outside``, and the labels in json.
    """
    svg = _svg(shots, subject)
    root = ET.Element('annotations')
    ET.SubElement(root, 'version').text = '1.1'
    labels = ET.SubElement(
        ET.SubElement(ET.SubElement(root, 'meta'), 'task'), 'labels')
    _label(labels, subject.category, 'skeleton', svg=svg)
    for name in subject.names:
        _label(labels, name, 'points', parent=subject.category)
    for i, shot in enumerate(shots):
        image = ET.SubElement(
            root,
            'image',
            id=str(i),
            name=shot.file,
            width=str(shot.size[0]),
            height=str(shot.size[1]))
        _skeleton(image, shot, subject)
    ET.indent(root)
    described = dict(
        name=subject.category,
        type='skeleton',
        attributes=[],
        sublabels=[
            dict(name=name, type='points', attributes=[])
            for name in subject.names
        ],
        svg=svg)
    return {
        FILE: ET.tostring(root, 'utf-8', xml_declaration=True) + b'\n',
        LABELS: json_bytes([described])
    }


def _label(labels: ET.Element, name: str, kind: str, **more: str) -> None:
    """What a task says of a label."""
    label = ET.SubElement(labels, 'label')
    for key, text in dict(name=name, type=kind, attributes='', **more).items():
        ET.SubElement(label, key).text = text


def _skeleton(image: ET.Element, shot: Shot, subject: Subject) -> None:
    """The pose of an image; CVAT wants a place for each joint."""
    tag = ET.SubElement(
        image, 'skeleton', label=subject.category, source='auto', z_order='0')
    size = np.array(shot.size)
    for name, point, there in zip(subject.names, shot.points, shot.given):
        x, y = (point if there else np.clip(point, 0, size)).tolist()
        ET.SubElement(
            tag,
            'points',
            label=name,
            source='auto',
            outside=str(int(not there)),
            occluded='0',
            points=f'{x!r},{y!r}')


def _svg(shots: Sequence[Shot], subject: Subject) -> str:
    """The skeleton as a template of 100 x 100: the mean pose."""
    poses = np.stack([shot.points for shot in shots])
    low = poses.min(1, keepdims=True)
    side = np.maximum((poses.max(1, keepdims=True) - low).max(2), 1e-6)
    places = (10 + 80 * ((poses - low) / side[..., None]).mean(0)).round(2)
    root = ET.Element('svg')
    number = {name: i for i, name in enumerate(subject.names, 1)}
    for a, b in subject.skeleton:
        (x1, y1), (x2, y2) = (
            places[number[one] - 1].tolist() for one in (a, b))
        ET.SubElement(
            root, 'line', {
                'x1': str(x1),
                'y1': str(y1),
                'x2': str(x2),
                'y2': str(y2),
                'stroke': 'black',
                'data-type': 'edge',
                'data-node-from': str(number[a]),
                'stroke-width': '0.5',
                'data-node-to': str(number[b])
            })
    for name, (x, y) in zip(subject.names, places.tolist()):
        ET.SubElement(
            root, 'circle', {
                'r': '0.75',
                'stroke': 'black',
                'fill': '#b3b3b3',
                'cx': str(x),
                'cy': str(y),
                'stroke-width': '0.1',
                'data-type': 'element node',
                'data-element-id': str(number[name]),
                'data-node-id': str(number[name]),
                'data-label-name': name
            })
    # CVAT has no tag of its own around them, and closes each
    return ''.join(
        ET.tostring(one, 'unicode', short_empty_elements=False)
        for one in root)
