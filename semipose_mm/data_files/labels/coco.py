# Copyright (c) semipose_mm authors.
"""Labels in COCO's format, mended where that is safe."""
from typing import Any, Dict, Optional

from ..findings import Findings
from ..images.lists import read_images
from ..numbers import BOX, is_box, is_id
from ..text import MISSING, entries_of, read_json, show
from .entries import (NO_AREA, NO_BOX, NO_IMAGE, NO_KEYPOINTS, Entry,
                      instance_area, unused_reason)
from .joints import JointReader, count_labeled
from .table import Labels


def read_labels(path: str,
                key: str,
                findings: Findings,
                num_joints: Optional[int] = None,
                folder: str = '') -> Labels:
    """Read keypoints in COCO's format.

    Args:
        path (str): The file.
        key (str): The config key or option that names it, for messages.
        findings (Findings): Learns what is wrong or doubtful.
        num_joints (int, optional): Number of joints that each entry must
            have. Defaults to None, which takes what the file has.
        folder (str): The folder of the images, if names are to be those that
            the disk has. Defaults to ''.

    Returns:
        Labels: What it holds. Entries with errors, if those are listed, are
        left out.
    """
    content = read_json(path, key, findings)
    return labels_of(content, f"{key} '{path}'", findings, num_joints, folder)


def labels_of(content: Any,
              where: str,
              findings: Findings,
              num_joints: Optional[int] = None,
              folder: str = '') -> Labels:
    """Read the content of a COCO file, see :func:`read_labels`.

    Args:
        content (Any): The content; mended in place.
        where (str): The file, for messages.
        findings (Findings): See :func:`read_labels`.
        num_joints (int, optional): See :func:`read_labels`.
        folder (str): See :func:`read_labels`.
    """
    labels = Labels(where, read_images(content, where, folder, findings))
    if not isinstance(content, dict):
        return labels
    labels.raw = content
    for key, image in labels.images.items():
        if not isinstance(key, int):
            findings.error(
                'image id text', f'{where}, images[{image.number}]'
                '.id',
                show(key),
                allowed='an integer')
    if folder:
        for _, entry in entries_of(content, 'images', where,
                                   Findings(strict=False)):
            key = entry.get('id')
            image = labels.images.get(key) if is_id(key) else None
            if image is not None:
                entry['file_name'] = image.name
    if content.get('categories'):
        for index, one in entries_of(content, 'categories', where, findings):
            if is_id(one.get('id', MISSING)):
                labels.categories.append(one)
            else:
                findings.error(
                    'category id',
                    f'{where}, categories[{index}].id',
                    show(one.get('id', MISSING)),
                    allowed='an integer')
    joints = JointReader(where, num_joints, findings)
    reader, kept = _EntryReader(labels, joints, findings), []
    for index, entry in entries_of(content, 'annotations', where, findings):
        found = reader.read(entry, index)
        if found is not None:
            labels.entries.append(found)
            if found.box is not None:
                kept.append(entry)
    labels.num_joints = joints.num_joints or 0
    for entry in kept:
        # the evaluation takes a place without any for one to be ignored
        entry.setdefault('keypoints', [0] * 3 * labels.num_joints)
    if isinstance(content.get('annotations'), list):
        labels.total = len(content['annotations'])
        content['annotations'] = kept
    joints.finish(labels.names)
    return labels


class _EntryReader:
    """Reads annotations one after the other.

    Args:
        labels (Labels): The file, with its images.
        joints (JointReader): Reads their keypoints.
        findings (Findings): Learns what is wrong.
    """

    def __init__(self, labels: Labels, joints: JointReader,
                 findings: Findings) -> None:
        self.labels = labels
        self.joints = joints
        self.findings = findings
        self._seen: Dict[Any, int] = {}

    def read(self, entry: dict, index: int) -> Optional[Entry]:
        """Read an annotation, and mend it in place.

        Args:
            entry (dict): The annotation.
            index (int): Its place in the file.

        Returns:
            Entry, optional: None if something in it is wrong.
        """
        place = f'annotations[{index}]'
        fault = self._fault(entry, index)
        if fault:
            name, value, allowed = fault
            self.findings.error(
                name,
                f'{self.labels.where}, {place}.{name}',
                show(value),
                allowed=allowed)
            return None
        for name in ('bbox', 'keypoints', 'keypoint_weights'):
            if not entry.get(name):  # null, or an empty list
                entry.pop(name, None)
        box, keypoints = entry.get('bbox'), entry.get('keypoints')
        image = self.labels.images.get(entry['image_id'])
        if image is None:  # nobody looks at the rest
            self._warn(NO_IMAGE, place)
            return Entry(index, entry['id'], entry['image_id'],
                         entry.get('category_id'), None, None, 0, 0.,
                         bool(entry.get('iscrowd')), NO_IMAGE)
        if keypoints is not None:
            keypoints = self.joints.read(keypoints, place, box)
            if keypoints is None or not self.joints.check_weights(
                    entry.get('keypoint_weights'), place):
                return None
        count, area = self._mend(entry, keypoints, place)
        reason = self._reason(entry, image, place)
        return Entry(index, entry['id'], entry['image_id'],
                     entry.get('category_id'), box, keypoints, count, area,
                     bool(entry['iscrowd']), reason,
                     entry.get('keypoint_weights'))

    def _fault(self, entry: dict, index: int) -> tuple:
        """Field, value and allowed values of what is wrong; or nothing."""
        key = entry.get('id', MISSING)
        if not is_id(key):
            return 'id', key, 'an integer or a string'
        if self._seen.setdefault(key, index) != index:
            return 'id', key, (f'unique, but annotations[{self._seen[key]}] '
                               'has the same')
        image_id = entry.get('image_id', MISSING)
        if not is_id(image_id):
            return 'image_id', image_id, 'an integer'
        category = entry.get('category_id', MISSING)
        if not is_id(category) and (entry.get('keypoints')
                                    or category not in (MISSING, None)):
            return 'category_id', category, 'an integer'
        box = entry.get('bbox')
        if box and image_id in self.labels.images and not is_box(box):
            return 'bbox', box, BOX
        return ()

    def _mend(self, entry: dict, keypoints: Optional[list],
              place: str) -> tuple:
        """Set what follows from the rest; number of joints, and area."""
        where = f'{self.labels.where}, {place}'
        count = 0
        if keypoints is not None:
            declared = entry.get('num_keypoints')
            count = count_labeled(keypoints)
            # joints that were mended have a word of their own
            if (declared is not None and declared != count
                    and declared != count_labeled(entry['keypoints'])):
                self.findings.warn(
                    'num_keypoints', f'{where}.num_keypoints',
                    f'is {declared!r}, but {count} joints are labeled; they '
                    'are counted anew')
            entry['keypoints'] = keypoints
        area = instance_area(entry)
        if 'area' in entry and entry['area'] != area:
            self.findings.warn(
                'area', f'{where}.area',
                f"{show(entry['area'])} and taken from the box, in training "
                'and evaluation')
        entry.update(
            num_keypoints=count,
            area=area,
            iscrowd=int(bool(entry.get('iscrowd'))))
        return count, area

    def _reason(self, entry: dict, image: Any, place: str) -> str:
        """Why it is not used, or empty."""
        if 'keypoints' not in entry:
            return NO_KEYPOINTS
        if 'bbox' not in entry:
            reason = NO_BOX
        elif image.size is None:
            self.findings.error(
                'no size',
                f'{self.labels.where}, images[{image.number}]',
                'has no width and height',
                allowed='known in pixels, as MMPose clips boxes by it')
            reason = NO_AREA
        else:
            reason = unused_reason(entry['keypoints'], entry['bbox'],
                                   entry['iscrowd'], image.size)
        if reason in (NO_BOX, NO_AREA):
            self._warn(reason, place)
        return reason

    def _warn(self, reason: str, place: str) -> None:
        """Warn of an entry that is left out, which a user may miss."""
        self.findings.warn(reason, f'{self.labels.where}, {place}',
                           f'is left out, as those {reason} are')
