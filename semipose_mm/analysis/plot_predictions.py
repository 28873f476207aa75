# Copyright (c) semipose_mm authors.
"""The truth and the predictions of checkpoints, side by side."""
import os
import os.path as osp
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from .pictures import caption, sheet, write_picture
from .sample_scores import Shown, Truth, collect

CELL = (150, 200)
SINGLE_CELL = (300, 400)


def draw_pose(image: np.ndarray,
              keypoints: np.ndarray,
              visible: np.ndarray,
              meta: dict,
              bbox: np.ndarray,
              cell: Tuple[int, int] = CELL) -> np.ndarray:
    """Draw a skeleton and cut its surroundings out.

    Args:
        image (np.ndarray): BGR image, uint8.
        keypoints (np.ndarray): (K, 2) in image pixels.
        visible (np.ndarray): (K,) whether a keypoint is drawn.
        meta (dict): ``skeleton_links`` and colors of the data set.
        bbox (np.ndarray): Box x1, y1, x2, y2 that is shown.
        cell (tuple): Width and height of the picture. Defaults to
            :data:`CELL`

    Returns:
        np.ndarray: The picture, BGR, uint8.
    """
    center, size = (bbox[:2] + bbox[2:]) / 2, (bbox[2:] - bbox[:2]) * 1.2
    scale = min(cell[0] / size[0], cell[1] / size[1])
    shift = np.array(cell) / 2 - center * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    picture = cv2.warpAffine(image, matrix, cell, borderValue=(128, ) * 3)
    points = [tuple(int(v) for v in p) for p in keypoints * scale + shift]
    colors = np.asarray(meta['skeleton_link_colors']).reshape(-1, 3)
    for (a, b), color in zip(meta['skeleton_links'], colors):
        if visible[a] and visible[b]:
            cv2.line(picture, points[a], points[b],
                     [int(c) for c in color[::-1]], 2, cv2.LINE_AA)
    colors = np.asarray(meta['keypoint_colors']).reshape(-1, 3)
    for point, color, seen in zip(points, colors, visible):
        if seen:
            cv2.circle(picture, point, 3, [int(c) for c in color[::-1]], -1,
                       cv2.LINE_AA)
    return picture


def draw_row(shown: Shown,
             meta: dict,
             score: str,
             cell: Tuple[int, int] = CELL) -> List[np.ndarray]:
    """Draw a sample: the truth, then each prediction with its score.

    Args:
        shown (Shown): The sample.
        meta (dict): Of the data set.
        score (str): What the scores are called.
        cell (tuple): Width and height of a picture. Defaults to
            :data:`CELL`

    Returns:
        list[np.ndarray]: BGR pictures, uint8.
    """
    truth = shown.truth
    image = cv2.imread(truth.info['img_path'])
    if image is None:
        raise OSError(f'image {truth.info["img_path"]} cannot be read')
    row = [
        draw_pose(image, truth.keypoints, truth.visible, meta, truth.bbox,
                  cell)
    ]
    caption(row[0], f'{shown.position}: {_stem(truth)}')
    for name, keypoints in shown.predictions.items():
        row.append(
            draw_pose(image, keypoints, np.ones(len(keypoints), bool), meta,
                      truth.bbox, cell))
        caption(row[-1], f'{score} {shown.scores[name]:.3f}')
    return row


def _stem(truth: Truth) -> str:
    return osp.splitext(osp.basename(truth.info['img_path']))[0]


def _sheet(samples: List[Shown],
           meta: dict,
           score: str,
           cell: Tuple[int, int] = CELL) -> np.ndarray:
    return sheet([draw_row(shown, meta, score, cell) for shown in samples],
                 ['truth', *samples[0].predictions])


def write_singles(samples: List[Shown], meta: dict, score: str,
                  folder: str) -> None:
    """Write a picture of each sample, named by its rank and image."""
    os.makedirs(folder, exist_ok=True)
    for rank, shown in enumerate(samples):
        write_picture(
            osp.join(folder,
                     f'{rank:04d}_{_stem(shown.truth)}_{shown.position}.png'),
            _sheet([shown], meta, score, SINGLE_CELL))


def write_predictions(models: Dict[str, Tuple[str, str]],
                      path: str,
                      single_dir: Optional[str] = None,
                      num: int = 8,
                      order: str = 'first',
                      score: str = 'error',
                      network: Optional[str] = None,
                      limit: Optional[int] = None,
                      device: Optional[str] = None) -> int:
    """Write a sheet of truth and predictions, see ``sample_scores.collect``.

    Args:
        models (dict): Column title to config and checkpoint.
        path (str): Picture to write; its folder is made.
        single_dir (str, optional): Folder for a larger picture of each
            sample. Defaults to None.
        num (int): Samples to show. Defaults to 8.
        order (str): See there. Defaults to ``'first'``.
        score (str): ``'error'`` or ``'oks'``. Defaults to ``'error'``.
        network (str, optional): The network that predicts. Defaults to None,
            that of the config.
        limit (int, optional): Look at so many samples. Defaults to None.
        device (str, optional): Defaults to None, a GPU if there is one.

    Returns:
        int: Number of samples that are drawn.
    """
    from mmengine.device import get_device
    samples, meta = collect(models, num, order, score, network, limit, device
                            or get_device())
    picture = _sheet(samples, meta, score)
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    write_picture(path, picture)
    if single_dir is not None:
        write_singles(samples, meta, score, single_dir)
    return len(samples)
