# Copyright (c) semipose_mm authors.
"""Which part of an image is predicted: by a rule, a file, or what was found.

A box is x, y, width, height in pixels. All but those of detections are
clipped as MMPose's COCO-style datasets clip annotated boxes, to the centers
of the last pixels, so that a crop is the one of training and of a test.
"""
import os.path as osp
import re
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.box_rule import check_box_rule, rule_box
from semipose_mm.data_files.boxes import (load_boxes, read_annotations,
                                          read_detections)
from semipose_mm.data_files.images import Image, read_images
from .media import Media

Box = Tuple[float, float, float, float]
#: What images of a video are called in a json of predictions.
FRAME = re.compile(r'frame \d+')
OPTIONS = ('--boxes whole, --boxes X,Y,W,H (the same part of every image), '
           '--boxes FILE.json (detections), --boxes follow (the pose of the '
           'frame before)')


def clip_box(box: Box, width: int, height: int) -> Optional[Box]:
    """Clip a box as annotated ones are; None if nothing is left of it."""
    x1, y1 = np.clip(box[:2], 0, [width - 1, height - 1])
    x2, y2 = np.clip(np.add(box[:2], box[2:]), 0, [width - 1, height - 1])
    if x2 <= x1 or y2 <= y1:
        return None
    return float(x1), float(y1), float(x2 - x1), float(y2 - y1)


class RuleBoxes:
    """The box of every image by a rule that looks at no pose.

    Args:
        rule (dict): Of kind ``'whole'`` or ``'region'``.
    """

    follows = False

    def __init__(self, rule: dict) -> None:
        self.rule = rule

    def settings(self) -> Any:
        """What tells these boxes from others, for the journal."""
        return self.rule

    def box(self, index: int, width: int, height: int) -> Box:
        """The box of an image.

        Args:
            index (int): Its position.
            width (int): In pixels.
            height (int): In pixels.

        Returns:
            tuple: The box.

        Raises:
            DataError: If it lies outside of the image.
        """
        box = clip_box(rule_box(self.rule, width, height), width, height)
        if box is None:
            raise DataError(f'the box {rule_box(self.rule, width, height)} '
                            f'leaves nothing of the image of {width} x '
                            f'{height} pixels')
        return box


class FileBoxes:
    """Boxes of a file, for each image the one with the highest score.

    Args:
        path (str): Detections, a list of dicts with ``image_id``, ``bbox``
            and ``score``, or a COCO file with ``images`` and
            ``annotations``. Ids are the numbers of the frames of a video;
            images are found by their names, which for detections are in
            the list of images that ``semipose detect`` writes beside them.
        media (Media): What is predicted.

    Attributes:
        notes (list[str]): What is doubtful about the file.

    Raises:
        DataError: If the file cannot be used.
    """

    follows = False

    def __init__(self, path: str, media: Media) -> None:
        self.path, findings = path, Findings()
        content = load_boxes(path, '--boxes', findings)
        where = f"--boxes '{path}'"
        self.clipped = isinstance(content, dict)
        images, places = self._places(content, where, media, findings)
        read = read_annotations if self.clipped else read_detections
        boxes = read(content, where, images, findings)
        self.boxes: Dict[int, List[float]] = {}
        order = np.argsort(boxes.scores, kind='stable')
        for image, xywh in zip(boxes.images[order].tolist(),
                               boxes.xywh[order].tolist()):
            if image in places:
                self.boxes[places[image]] = xywh
        if not self.boxes:
            raise DataError(f'{where} has no box on any image of '
                            f'{media.path or "those that are named"}')
        self.notes = findings.lines('warning')
        more = len(boxes.images) - len(set(boxes.images.tolist()))
        if more:
            self.notes.append(
                f'{where} has {more} boxes beside the best one of their '
                'image; a csv has one subject an image, and they are left '
                'out')

    def _places(self, content: Any, where: str, media: Media,
                findings: Findings) -> Tuple[Dict, Dict[int, int]]:
        """Images by id, and the positions in the media of their numbers."""
        if media.is_video:
            self._check_frames(content, where)
            ids = {
                one.get('image_id')
                for one in (content.get('annotations') or
                            () if self.clipped else content)
                if isinstance(one, dict)
            } if content else set()
            frames = sorted(i for i in ids if type(i) is int and i >= 0)
            images = {
                i: Image('', '', None, number)
                for number, i in enumerate(frames)
            }
            return images, dict(enumerate(frames))
        source = content
        if not self.clipped:
            beside = f'{osp.splitext(self.path)[0]}.images.json'
            if not osp.isfile(beside):
                raise DataError(
                    f'{where} is a list of detections, whose images are '
                    f'named by {beside}, which does not exist: semipose '
                    'detect writes both')
            source, where = load_boxes(beside, '--boxes', findings), \
                f"--boxes '{beside}'"
        images = read_images(source, where, '', findings)
        known = _by_name(media)
        return images, {
            one.number: known[name]
            for one in images.values()
            for name in [_tail(one.name, known)] if name is not None
        }

    def _check_frames(self, content: Any, where: str) -> None:
        """Refuse boxes whose ids are those of images, not of frames."""
        named = f'{osp.splitext(self.path)[0]}.images.json'
        if self.clipped:
            names = [
                str(one.get('file_name'))
                for one in content.get('images') or ()
                if isinstance(one, dict)
            ]
            other = [one for one in names if not FRAME.fullmatch(one)][:1]
        else:
            other = [named] if osp.isfile(named) else []
        if other:
            raise DataError(
                f'{where} is for images such as {other[0]}, but a video '
                "needs boxes whose images are called 'frame 0', 'frame 1', "
                'as in the json of semipose predict, or a list of detections '
                'with these numbers as image_id')

    def settings(self) -> Any:
        """What tells these boxes from others, for the journal."""
        from semipose_mm.files import file_digest
        return file_digest(self.path)

    def box(self, index: int, width: int, height: int) -> Optional[Box]:
        """As :meth:`RuleBoxes.box`; None where the file has none."""
        box = self.boxes.get(index)
        if box is None or not self.clipped:
            return box and tuple(box)
        return clip_box(box, width, height)


def _by_name(media: Media) -> Dict[str, int]:
    """Positions of images by their names relative to their folder."""
    return {
        osp.relpath(path, media.path) if media.path else path: index
        for index, path in enumerate(media.images)
    }


def _tail(name: str, known: Dict[str, int]) -> Optional[str]:
    """The name under which an image of a list is known here, if it is."""
    parts = osp.normpath(name).split(osp.sep)
    for first in range(len(parts)):
        tail = osp.join(*parts[first:])
        if tail in known:
            return tail
    return None


class FollowedBoxes:
    """The box of an image by the pose in the one before.

    It begins with the start box, and begins anew after an image where the
    mean score is below the threshold, or less than two joints are above it.

    Args:
        margin (float): Of the rule of kind ``'keypoints'``.
        threshold (float): Joints of a lower score do not count.
        start (tuple, optional): The start box. Defaults to None, the whole
            image.
    """

    follows = True

    def __init__(self,
                 margin: float,
                 threshold: float,
                 start: Optional[Box] = None) -> None:
        self.rule = dict(kind='keypoints', margin=margin)
        self.threshold, self.start = threshold, start

    def settings(self) -> Any:
        """What tells these boxes from others, for the journal."""
        start = self.start and list(self.start)
        return dict(self.rule, threshold=self.threshold, start=start)

    def first(self, width: int, height: int) -> Box:
        """The start box of an image.

        Raises:
            DataError: If it lies outside of the image.
        """
        box = clip_box(self.start or (0, 0, width, height), width, height)
        if box is None:
            raise DataError(f'--start is {self.start}, outside of the image '
                            f'of {width} x {height} pixels')
        return box

    def after(self, pose: np.ndarray, width: int,
              height: int) -> Optional[Box]:
        """The box after a pose.

        Args:
            pose (np.ndarray): (K, 3) x and y in pixels and score.
            width (int): Of the image in pixels.
            height (int): Of the image in pixels.

        Returns:
            tuple: The box; None if the pose is too unsure.
        """
        sure = pose[pose[:, 2] >= self.threshold]
        if pose[:, 2].mean() < self.threshold or len(sure) < 2:
            return None
        sure[:, 2] = 2
        try:
            box = rule_box(self.rule, width, height, sure.ravel().tolist())
        except DataError:  # all joints lie outside of the image
            return None
        return clip_box(box, width, height)


def choose_boxes(given: Optional[str], rule: Any, config: str, media: Media,
                 margin: Optional[float], threshold: float,
                 start: Optional[Box]):
    """The boxes that the options and the config ask for.

    Args:
        given (str, optional): ``--boxes``.
        rule (Any): ``box_rule`` of the config, None if it has none.
        config (str): The config, for messages.
        media (Media): What is predicted.
        margin (float, optional): ``--margin``.
        threshold (float): ``--threshold``.
        start (tuple, optional): ``--start``.

    Returns:
        RuleBoxes | FileBoxes | FollowedBoxes: The boxes.

    Raises:
        DataError: If nothing tells the boxes, or it cannot be used.
    """
    if rule is not None:
        rule = check_box_rule(rule, f'box_rule of {config}')
    kind = rule and rule['kind']
    if given is None and rule is None:
        raise DataError(f'{config} has no box_rule, so nothing tells which '
                        f'part of the images the network is made for: give '
                        f'{OPTIONS}')
    if given is None and kind == 'keypoints':
        if not media.is_video:
            raise DataError(
                f"box_rule of {config} is of kind 'keypoints', which images "
                f'do not have yet: give {OPTIONS}')
        given = 'follow'
    if given == 'follow':
        if margin is None and kind != 'keypoints':
            raise DataError(
                '--boxes follow needs the margin about the keypoints, but '
                f'{config} has no box_rule of kind keypoints: give --margin')
        return FollowedBoxes(rule['margin'] if margin is None else margin,
                             threshold, start)
    if given is None:
        return RuleBoxes(rule)
    if given == 'whole':
        return RuleBoxes(dict(kind='whole'))
    if re.search(r'\.json$', given, re.IGNORECASE):
        return FileBoxes(given, media)
    return RuleBoxes(
        dict(kind='region', region=list(parse_box(given, '--boxes'))))


def parse_box(text: str, option: str) -> Box:
    """Read X,Y,W,H.

    Args:
        text (str): What is given.
        option (str): The option, for messages.

    Returns:
        tuple: The box.

    Raises:
        DataError: If it is none.
    """
    try:
        x, y, width, height = map(float, text.split(','))
        if min(x, y) < 0 or min(
                width,
                height) <= 0 or not np.isfinite([x, y, width, height]).all():
            raise ValueError
    except ValueError:
        allowed = ('X,Y,W,H in pixels, the first two at least 0, the last '
                   'two above')
        if option == '--boxes':
            allowed = f'whole, follow, a .json file, or {allowed}'
        raise DataError(f'{option} is {text}, but must be {allowed}') from None
    return x, y, width, height
