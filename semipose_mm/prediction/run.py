# Copyright (c) semipose_mm authors.
"""Predict a video or images, from wherever an earlier run got to.

The journal is that of ``semipose detect``: a line for the settings and one
for each frame, whose record is

- ``{index, size, box, poses}``: width and height, x, y, width, height of the
  box, and for each network x, y, score of all joints in one list;
- ``{index, size, reason}``: why there is no pose.
"""
import shutil
import sys
from functools import partial
from typing import (TYPE_CHECKING, Any, Callable, Dict, Iterator, List,
                    NamedTuple, Optional, Tuple)

import numpy as np

from semipose_mm.data_files import DataError
from semipose_mm.detection import journal as journals
from .frames import Frame, open_frames, read_ahead, told
from .media import Media

if TYPE_CHECKING:  # torch need not be there to read what was predicted
    from .networks import PoseNetworks

#: Frames of a video hold much memory, and few need to wait for the network.
FRAMES_AHEAD = 4
#: How often the first image is looked at, each time in the box of its pose.
LOOKS = 3
NO_BOX = 'no box'


class Task(NamedTuple):
    """What is predicted, and how.

    Attributes:
        media (Media): The video or images.
        boxes: Of :func:`semipose_mm.prediction.crops.choose_boxes`.
        names (list[str]): The networks.
        batch_size (int): Images of a pass; following takes one at a time.
        out (str): Path of the files without ending.
        settings (dict): What tells this prediction from others.
        told (dict): What is noted beside them: the paths of config and
            checkpoint.
    """
    media: Media
    boxes: Any
    names: List[str]
    batch_size: int
    out: str
    settings: dict
    told: dict


def journal_path(out: str) -> str:
    """The journal of a prediction, see :class:`Task`."""
    return journals.path_of(out, 0, 1)


def predict(
    networks: 'PoseNetworks',
    task: Task,
    said: Callable[[int, int, List[dict]], None],
    begin: Callable[[int, int],
                    None] = lambda done, total: None) -> Optional[str]:
    """Predict what the journal does not have yet.

    Args:
        networks (PoseNetworks): The networks.
        task (Task): What is to be predicted.
        said (Callable): Called after each part with the number of frames
            that are done, that of all, 0 if nobody knows, and the records.
        begin (Callable): Called before with the first two.

    Returns:
        str: What is doubtful about the end of the video; empty if nothing.

    Raises:
        DataError: If the input cannot be used, or the journal is of another
            prediction.
    """
    journals.check_others(task.out, 1, task.settings)
    frames = open_frames(task.media)
    # a video's number of frames is known at its end
    journal = journals.Journal(
        journal_path(task.out), task.settings, range(sys.maxsize),
        task.batch_size)
    try:
        begin(journal.done, frames.total)
        records = _predict
        if task.boxes.follows:
            records = partial(_follow, pose=_last_pose(journal))
        part = []
        for record in records(networks, task, frames, journal.done):
            part.append(record)
            if len(part) == task.batch_size:
                journal.append(part)
                said(journal.done, frames.total, part)
                part = []
        if part:
            journal.append(part)
            said(journal.done, frames.total, part)
    finally:
        journal.close()
    return frames.warning


def read_records(path: str) -> Iterator[dict]:
    """Read the records of a journal.

    Args:
        path (str): The journal of a prediction that is complete.

    Yields:
        dict: A record for each frame.
    """
    with open(path, 'rb') as file:
        file.readline()
        for number, line in enumerate(file):
            record = journals.parse(line, path, number + 2)
            if record.get('index') != number:
                raise DataError(f'{path}, line {number + 2} is not the record '
                                f'of frame {number}: remove the file to '
                                'begin again')
            yield record


def remove_journal(out: str) -> None:
    """Remove the journal of a prediction whose files are written."""
    shutil.rmtree(journals.folder_of(out), ignore_errors=True)


def _record(frame: Frame, box, poses: Optional[np.ndarray]) -> Dict:
    """The record of a frame; ``poses`` are (N, K, 3)."""
    record = dict(index=frame.index, size=list(map(int, frame.size)))
    if poses is None:
        return dict(record, reason=frame.reason or NO_BOX)
    flat = poses.reshape(len(poses), -1).tolist()
    return dict(record, box=list(box), poses=flat)


def _predict(networks: 'PoseNetworks', task: Task, frames,
             done: int) -> Iterator[dict]:
    """Predict in batches; a thread decodes and cuts the crops."""

    def crops():
        for frame in frames.read(done):
            box = item = None
            if not frame.reason:
                box = task.boxes.box(frame.index, *frame.size)
            if box is not None:
                frame, item = _crop(networks, frame, box)
            # crops wait for the network, and no whole frame
            yield frame._replace(image=None), box, item

    batch = []
    for crop in read_ahead(crops(), 2 * task.batch_size):
        batch.append(crop)
        if len(batch) == task.batch_size:
            yield from _predict_batch(networks, task, batch)
            batch = []
    yield from _predict_batch(networks, task, batch)


def _crop(networks: 'PoseNetworks', frame: Frame, box) -> Tuple:
    """A frame and its crop; of an image without one, the reason and None."""
    if frame.image is not None:
        return frame, networks.prepare(frame.image, box)
    try:
        return frame, networks.prepare(frame.path, box)
    except Exception as error:  # the pipeline is the config's
        return frame._replace(reason=told(error)), None


def _predict_batch(networks: 'PoseNetworks', task: Task,
                   batch: List) -> Iterator[dict]:
    """Predict those that have a crop."""
    items = [item for _, _, item in batch if item is not None]
    poses = iter(networks.predict(items, task.names) if items else ())
    for frame, box, item in batch:
        yield _record(frame, box, None if item is None else next(poses))


def _follow(networks: 'PoseNetworks', task: Task, frames, done: int,
            pose: Optional[np.ndarray]) -> Iterator[dict]:
    """Predict one after the other, each in the box of the pose before."""
    for frame in read_ahead(frames.read(done), FRAMES_AHEAD):
        box = found = used = None
        if pose is not None and not frame.reason:
            box = task.boxes.after(pose, *frame.size)
        looks = 1 if box is not None else LOOKS
        while looks and not frame.reason:
            used = box or task.boxes.first(*frame.size)
            frame, item = _crop(networks, frame, used)
            if item is None:
                break
            found = networks.predict([item], task.names)[0]
            pose = found[0]
            box = task.boxes.after(pose, *frame.size)
            looks = looks - 1 if box is not None else 0
        yield _record(frame, used, found)


def _last_pose(journal: journals.Journal) -> Optional[np.ndarray]:
    """The pose (K, 3) of the first network that a journal has last."""
    pose = None
    for record in journal.records():
        if 'poses' in record:
            pose = record['poses'][0]
    return None if pose is None else np.reshape(pose, (-1, 3))
