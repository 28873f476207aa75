# Copyright (c) semipose_mm authors.
"""What is written of a chosen frame, whatever the tool."""
from typing import NamedTuple, Tuple

import numpy as np

from .candidates import Candidates


class Shot(NamedTuple):
    """A chosen frame and the pose that was predicted.

    Args:
        file (str): The image, relative to the output folder.
        size (tuple[int, int]): Its width and height in pixels.
        box (tuple[float]): x, y, width, height in pixels.
        points (np.ndarray): x and y of the joints in pixels, (K, 2).
        scores (np.ndarray): (K,).
        given (np.ndarray): Which joints are pre-annotated, (K,), bool.
        video (str): Its video, as labels call it.
        number (int): Its number in the video; -1 without one.
    """
    file: str
    size: Tuple[int, int]
    box: Tuple[float, float, float, float]
    points: np.ndarray
    scores: np.ndarray
    given: np.ndarray
    video: str
    number: int

    def keypoints(self) -> list:
        """List[float]: x, y and visibility of the joints, flat, as COCO's."""
        return [
            value for (x, y), there in zip(self.points.tolist(), self.given)
            for value in ((x, y, 2) if there else (0., 0., 0))
        ]


def make_shot(candidates: Candidates, index: int, network: int, file: str,
              place: Tuple[str, int], min_score: float) -> Shot:
    """Take the pose of a candidate.

    Args:
        candidates (Candidates): The frames.
        index (int): The candidate.
        network (int): Whose pose it is.
        file (str): See :class:`Shot`.
        place (tuple[str, int]): Its video and number.
        min_score (float): Joints with a lower score are not pre-annotated,
            nor are those outside of the image.

    Returns:
        Shot: What is written of it.
    """
    points = candidates.points[network, index]
    scores = candidates.scores[network, index]
    width, height = candidates.sizes[index].tolist()
    inside = ((points >= 0) & (points <= [width, height])).all(1)
    x, y, w, h = candidates.boxes[index].tolist()
    return Shot(file, (width, height), (x, y, w, h), points, scores,
                inside & (scores >= min_score), *place)
