# Copyright (c) semipose_mm authors.
"""The frames that may be labeled next: what ``semipose predict`` wrote."""
import os.path as osp
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.text import read_json
from semipose_mm.importing.source import Pairs
from semipose_mm.prediction.media import Media
from semipose_mm.prediction.writers import read_settings

#: What all predictions must share, or their scores mean different things.
MODEL = ('networks', 'checkpoint_sha256', 'config_sha256')


class Subject(NamedTuple):
    """What is labeled.

    Args:
        names (list[str]): Names of the joints, K of them.
        skeleton (list[tuple[str, str]]): Lines to draw.
        flip_pairs (list[tuple[str, str]], optional): What a mirror image
            exchanges, if it is known.
        category (str): What it is called.
    """
    names: List[str]
    skeleton: Pairs
    flip_pairs: Optional[Pairs]
    category: str


class Candidates(NamedTuple):
    """The frames of videos and the images of folders, and their predictions.

    Args:
        media (list[Media]): The videos and folders.
        model (str): What has predicted.
        networks (list[str]): Names of its networks, N of them.
        subject (Subject): What they predict.
        of (np.ndarray): Which of the media a frame is from, (M,), int.
        index (np.ndarray): Its position there, from 0, (M,), int.
        sizes (np.ndarray): Width and height in pixels, (M, 2), int.
        boxes (np.ndarray): x, y, width, height in pixels, (M, 4); nan
            without a pose.
        points (np.ndarray): x and y in pixels, (N, M, K, 2); nan without a
            pose.
        scores (np.ndarray): (N, M, K); nan without a pose.
    """
    media: List[Media]
    model: str
    networks: List[str]
    subject: Subject
    of: np.ndarray
    index: np.ndarray
    sizes: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    scores: np.ndarray

    def names(self) -> List[str]:
        """What each frame is called: its number, or its path."""
        return [
            self.media[one].images[i] if self.media[one].images else str(i)
            for one, i in zip(self.of.tolist(), self.index.tolist())
        ]


def read_candidates(folder: str, media: Sequence[Media]) -> Candidates:
    """Read predictions.

    Args:
        folder (str): The folder that ``semipose predict --out`` named.
        media (Sequence[Media]): What was predicted.

    Returns:
        Candidates: All frames, of one after the other.

    Raises:
        DataError: If there are no predictions of these media, or they do not
            fit each other.
    """
    settings: dict = {}
    subject = None
    parts = []
    for number, one in enumerate(media):
        own = _settings(folder, one)
        settings = settings or own
        other = [key for key in MODEL if own.get(key) != settings.get(key)]
        if other:
            raise DataError(
                f'{one.name} and {media[0].name} are predicted in {folder} '
                f'with different {other[0]}: predict both alike')
        found, subject = _read(folder, one, own['networks'])
        parts.append((np.full(len(found[0]), number), *found))
    of, index, sizes, boxes = (
        np.concatenate(values) for values in list(zip(*parts))[:4])
    points, scores = (
        np.concatenate(values, 1) for values in list(zip(*parts))[4:])
    assert subject is not None  # there is a medium
    return Candidates(
        list(media), settings['model'], settings['networks'], subject, of,
        index, sizes, boxes, points, scores)


def _settings(folder: str, media: Media) -> dict:
    """How a video or images were predicted."""
    about = osp.join(folder, f'{media.name}.about.json')
    if not osp.isfile(about):
        raise DataError(
            f'{about} does not exist: semipose predict writes it when '
            f'{media.path or "all images"} is predicted')
    settings = read_settings(about)
    if settings['input_sha256'] != media.digest():
        what = 'a video' if media.is_video else 'images'
        raise DataError(
            f'{about} is of {what} with another content or path than '
            f'{media.path or "those that are named"}: name what was '
            'predicted, as it was named then')
    return settings


def _read(folder: str, media: Media,
          networks: Sequence[str]) -> Tuple[tuple, Subject]:
    """Index, sizes, boxes, points and scores of a video or images."""
    images: list = []
    boxes = points = scores = np.empty(0)
    category: dict = {}
    for i, name in enumerate(networks):
        path = osp.join(folder, f'{media.name}_{name}.json')
        content: Any = read_json(path, 'predictions', Findings(), _slim)
        if not i:
            images, category = content['images'], content['categories'][0]
            boxes = np.full((len(images), 4), np.nan)
            points = np.full(
                (len(networks), len(images), len(category['keypoints']), 2),
                np.nan)
            scores = np.full(points.shape[:3], np.nan)
        for at, box, joints in content['annotations']:
            boxes[at], points[i, at], scores[i, at] = \
                box, joints[:, :2], joints[:, 2]
    sizes = np.array(images)
    names = category['keypoints']
    subject = Subject(names, [(names[a - 1], names[b - 1])
                              for a, b in category['skeleton']],
                      [(a, b) for a, b in category['flip_pairs']]
                      if 'flip_pairs' in category else None, 'animal')
    return (np.arange(len(images)), sizes, boxes, points, scores), subject


def _slim(entry: dict) -> Any:
    """What is read of an entry, as hours of video are read at once."""
    if 'keypoint_scores' in entry:
        joints = np.reshape(entry['keypoints'], (-1, 3)).astype(float)
        joints[:, 2] = entry['keypoint_scores']
        # an image's id is its position
        return entry['image_id'], np.array(entry['bbox'], float), joints
    if 'width' in entry:
        return entry['width'], entry['height']
    return entry
