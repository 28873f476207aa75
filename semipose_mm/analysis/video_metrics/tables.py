# Copyright (c) semipose_mm authors.
"""Predictions of a video in DeepLabCut's layout of csv files."""
import csv
from typing import Dict, List, NamedTuple, Sequence

import numpy as np

from semipose_mm.data_files import DataError

HEADER = ('scorer', 'bodyparts', 'coords')
COORDS = ('x', 'y', 'likelihood')


class Poses(NamedTuple):
    """Predictions of a network for a video.

    Args:
        where (str): The file, for messages.
        scorer (str): What predicted, as the file says.
        joints (list[str]): Names of the joints, K of them.
        frames (np.ndarray): Numbers of the frames, ascending, (N,), int.
        points (np.ndarray): x, y in pixels, (N, K, 2); nan without a pose.
        scores (np.ndarray): Likelihoods, (N, K); nan without a pose.
    """

    where: str
    scorer: str
    joints: List[str]
    frames: np.ndarray
    points: np.ndarray
    scores: np.ndarray


def read_poses(path: str) -> List[Poses]:
    """Read predictions, as ``semipose predict`` and DeepLabCut write them.

    Three rows of names (scorer, bodyparts, coords) are above a row for each
    frame: its number, and x, y, likelihood of each joint, which may be empty.
    Other columns, as of ``ensemble-kalman-smoother``, are not read.

    Args:
        path (str): The csv file.

    Returns:
        list[Poses]: What each scorer predicted.

    Raises:
        DataError: If it is no such file.
    """
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            rows = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"'{path}' cannot be read as csv: {error}") from error
    found = tuple(row[0] for row in rows[:3])
    if found != HEADER:
        raise DataError(f"'{path}' begins with the rows {', '.join(found)}, "
                        f'but needs {", ".join(HEADER)}, as of one animal in '
                        'DeepLabCut')
    columns: Dict[str, Dict[str, Dict[str, int]]] = {}
    for i, (scorer, joint, coord) in enumerate(
            zip(*(row[1:] for row in rows[:3])), start=1):
        columns.setdefault(scorer, {}).setdefault(joint, {})[coord] = i
    frames, values = _numbers(path, rows[3:], len(rows[0]))
    poses = []
    for scorer, joints in columns.items():
        for joint, own in joints.items():
            if not set(COORDS) <= set(own):
                raise DataError(
                    f"'{path}', {scorer}, {joint} has the columns "
                    f'{", ".join(own)}, but needs {", ".join(COORDS)}')
        index = [[own[coord] for coord in COORDS] for own in joints.values()]
        table = values[:, index]
        poses.append(
            Poses(path, scorer, list(joints), frames, table[..., :2],
                  table[..., 2]))
    return poses


def _numbers(path: str, rows: Sequence[Sequence[str]], width: int) -> tuple:
    """Numbers of frames (N,), and all cells (N, width), nan where empty."""
    frames, values = [], np.full((len(rows), width), np.nan)
    for i, row in enumerate(rows):
        where = f"'{path}', row {i + 4}"
        if len(row) != width:
            raise DataError(f'{where} has {len(row)} cells, but the first '
                            f'row has {width}')
        if not row[0].strip().isdigit():
            raise DataError(f"{where} begins with '{row[0]}', but needs the "
                            'number of a frame of a video')
        frames.append(int(row[0]))
        try:
            values[i] = [
                float(cell) if cell.strip() else np.nan for cell in row
            ]
        except ValueError as error:
            raise DataError(f'{where}: {error}') from error
    numbers = np.array(frames, int)
    if not frames or (np.diff(numbers) <= 0).any():
        raise DataError(f"'{path}' needs rows of frames in ascending order, "
                        'each once')
    return numbers, values


def aligned(poses: Sequence[Poses]) -> List[Poses]:
    """The same frames and joints of several predictions of a video.

    Args:
        poses (Sequence[Poses]): The predictions.

    Returns:
        list[Poses]: With the frames that all have, and the joints in the
        order of the first.

    Raises:
        DataError: If they have other joints, or no frame in common.
    """
    first = poses[0]
    frames = first.frames
    for one in poses[1:]:
        if sorted(one.joints) != sorted(first.joints):
            raise DataError(f"'{one.where}' has the joints "
                            f"{', '.join(one.joints)}, but '{first.where}' "
                            f'has {", ".join(first.joints)}')
        frames = np.intersect1d(frames, one.frames)
    if not len(frames):
        raise DataError(f"'{first.where}' and '{poses[-1].where}' have no "
                        'frame in common: are they of the same video?')
    found = []
    for one in poses:
        rows = np.searchsorted(one.frames, frames)
        order = [one.joints.index(joint) for joint in first.joints]
        found.append(
            one._replace(
                joints=first.joints,
                frames=frames,
                points=one.points[rows][:, order],
                scores=one.scores[rows][:, order]))
    return found
