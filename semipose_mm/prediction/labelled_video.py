# Copyright (c) semipose_mm authors.
"""A video with the poses of a csv drawn into it."""
import csv
from collections import deque
from typing import Deque, Dict, Iterator, List, Tuple

import cv2
import numpy as np

from semipose_mm.data_files import DataError
from semipose_mm.files import whole_files
from .frames import VideoFrames, read_ahead
from .run import FRAMES_AHEAD

FONT = cv2.FONT_HERSHEY_SIMPLEX
#: BGR of the skeleton.
LINK = (200, 200, 200)
#: Frames a second where a video does not tell.
USUAL_RATE = 30.


def read_csv(path: str) -> Iterator[np.ndarray]:
    """Read the poses of a csv in DeepLabCut's layout.

    Args:
        path (str): The csv.

    Yields:
        np.ndarray: (K, 3) x, y and likelihood of a row, nan where a cell is
        empty.
    """
    with open(path, encoding='utf-8', newline='') as file:
        for number, (_, *cells) in enumerate(csv.reader(file)):
            if number >= 3:
                yield np.array([float(c or 'nan')
                                for c in cells]).reshape(-1, 3)


class PoseDrawer:
    """Draws poses: trails, skeleton, joints, and their names beside.

    Args:
        size (tuple[int, int]): Width and height of the frames.
        meta (dict): Names and links of the data set.
        threshold (float): Joints of a lower likelihood are not drawn.
        trail (int): Number of earlier frames that are drawn.

    Attributes:
        size (tuple[int, int]): Width and height of the pictures, which are
            even, as codecs ask for it.
    """

    def __init__(self, size: Tuple[int, int], meta: Dict, threshold: float,
                 trail: int) -> None:
        names = meta['keypoint_id2name']
        self.names = [names[i] for i in range(len(names))]
        self.colors = _colors(len(self.names))
        self.links = list(meta['skeleton_links'])
        self.threshold = threshold
        self.earlier: Deque[np.ndarray] = deque(maxlen=trail + 1)
        self.radius = max(2, round(max(size) / 200))
        self.legend = self._draw_legend(size[1])
        width = size[0] + self.legend.shape[1]
        self.size = (width + width % 2, size[1] + size[1] % 2)

    def _draw_legend(self, height: int) -> np.ndarray:
        """Names in their colors, in as many columns as they need."""
        line = min(max(14, height // 40), max(height, 14))
        scale = line / 32
        rows = max(1, height // line)
        column = 10 + line + max(
            cv2.getTextSize(name, FONT, scale, 1)[0][0] for name in self.names)
        columns = -(-len(self.names) // rows)
        legend = np.full((height, columns * column, 3), 32, np.uint8)
        for i, (name, color) in enumerate(zip(self.names, self.colors)):
            x, y = i // rows * column + 5, i % rows * line + line // 2
            cv2.circle(legend, (x + 4, y), 4, color, -1, cv2.LINE_AA)
            cv2.putText(legend, name, (x + line, y + line // 4), FONT, scale,
                        (230, 230, 230), 1, cv2.LINE_AA)
        return legend

    def draw(self, frame: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Draw the pose of the next frame.

        Args:
            frame (np.ndarray): BGR (H, W, 3), uint8.
            pose (np.ndarray): (K, 3) x, y, likelihood.

        Returns:
            np.ndarray: The picture, BGR, uint8.
        """
        height, width = frame.shape[:2]
        picture = np.zeros((*self.size[::-1], 3), np.uint8)
        picture[:height, :width] = frame
        points = pose[:, :2].copy()
        # a comparison with nan is false
        points[~(pose[:, 2] >= self.threshold)] = np.nan
        self.earlier.append(points)
        view = picture[:height, :width]
        for before, after in zip(self.earlier, list(self.earlier)[1:]):
            for a, b, color in zip(before, after, self.colors):
                _line(view, a, b, color, 1)
        for a, b in self.links:
            _line(view, points[a], points[b], LINK, self.radius // 2)
        for point, color in zip(points, self.colors):
            if np.isfinite(point).all():
                cv2.circle(view, _pixel(point), self.radius, color, -1,
                           cv2.LINE_AA)
        picture[:height, width:width + self.legend.shape[1]] = self.legend
        return picture


def _colors(number: int) -> List[Tuple[int, int, int]]:
    """BGR colors that differ, as those of data sets often do not."""
    hues = np.arange(number) * 180 // max(number, 1)
    # neighbours in the circle of colors differ in how pale they are
    pale = np.where(np.arange(number) % 2, 130, 255)
    hsv = np.stack([hues, pale, np.full(number, 255)], -1).astype(np.uint8)
    bgr = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2BGR)[0]
    return [tuple(map(int, color)) for color in bgr]


def _pixel(point: np.ndarray) -> Tuple[int, int]:
    """The pixel of a point; one far outside would overflow in OpenCV."""
    x, y = np.clip(point, -30000, 30000).round()
    return int(x), int(y)


def _line(picture: np.ndarray, a: np.ndarray, b: np.ndarray, color,
          thickness: int) -> None:
    """Draw a line if both of its ends are there."""
    if np.isfinite([a, b]).all():
        cv2.line(picture, _pixel(a), _pixel(b), color, thickness, cv2.LINE_AA)


def write_video(video: str, table: str, out: str, meta: Dict, threshold: float,
                trail: int) -> int:
    """Write a video with the poses of a csv.

    Args:
        video (str): The video.
        table (str): The csv.
        out (str): The file to write, ``.mp4``.
        meta (dict): Meta information of the data set.
        threshold (float): Joints of a lower likelihood are not drawn.
        trail (int): Number of earlier frames that are drawn.

    Returns:
        int: Number of frames.

    Raises:
        DataError: If OpenCV cannot write such a video.
    """
    frames = VideoFrames(video)
    writer = drawer = None
    number = 0
    with whole_files(out) as (part, ):
        try:
            poses = read_csv(table)
            for frame in read_ahead(frames.read(), FRAMES_AHEAD):
                pose = next(poses, None)
                if pose is None:
                    break
                if writer is None:
                    drawer = PoseDrawer(frame.size, meta, threshold, trail)
                    writer = cv2.VideoWriter(part,
                                             cv2.VideoWriter_fourcc(*'mp4v'),
                                             frames.fps or USUAL_RATE,
                                             drawer.size)
                    if not writer.isOpened():
                        raise DataError(f'OpenCV cannot write {out}: this '
                                        'build has no mp4v encoder')
                writer.write(drawer.draw(frame.image, pose))
                number += 1
        finally:
            if writer is not None:
                writer.release()
    return number
