# Copyright (c) semipose_mm authors.
"""SLEAP, by sleap-io: frames of videos become images."""
import os.path as osp
import re
from typing import Any, Callable, Dict, List

import cv2
import numpy as np

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.text import free_name
from .source import Source


def read_sleap(path: str, frames: str, findings: Findings) -> Source:
    """Read what people have labeled in SLEAP; predictions are no labels.

    Args:
        path (str): ``.slp``, or ``.pkg.slp`` with its images.
        frames (str): The folder that images of frames are for.
        findings (Findings): Learns what is doubtful.

    Returns:
        Source: The labels. A point that is there, but not visible, has
        visibility 1.

    Raises:
        DataError: If sleap-io is missing or cannot read the file.
    """
    try:
        import sleap_io
    except ImportError as error:
        raise DataError(f"SOURCE '{path}' needs sleap-io: pip install "
                        "'semipose_mm[labels]'") from error
    try:
        labels = sleap_io.load_slp(path)
    except Exception as error:  # sleap-io has no kind of its own
        reason = ' '.join(str(error).split())
        raise DataError(f"SOURCE '{path}' cannot be read by sleap-io: "
                        f'{reason}') from error
    if len(labels.skeletons) != 1:
        raise DataError(f"SOURCE '{path}' has {len(labels.skeletons)} "
                        'skeletons; it must have one')
    skeleton = labels.skeletons[0]
    source = Source(
        path,
        'SLEAP', [str(one) for one in skeleton.node_names],
        [(str(a), str(b)) for a, b in skeleton.edge_names],
        category=str(skeleton.name or 'animal'),
        files=[path])
    pairs = [tuple(sorted(map(str, one))) for one in skeleton.symmetry_names]
    if pairs:
        source.flip_pairs = [(a, b) for a, b in dict.fromkeys(pairs)]
    predicted, folders = 0, {}
    for frame in labels.labeled_frames:
        people = [_flat(one) for one in frame.user_instances]
        predicted += len(frame.instances) - len(people)
        name = frame.video.filename
        if isinstance(name, list):  # a video of single images
            image = str(name[frame.frame_idx])
            if not osp.isfile(image):
                image = osp.join(osp.dirname(osp.abspath(path)), image)
            if not osp.isfile(image):
                raise DataError(f"SOURCE '{path}': image '{image}' does not "
                                'exist')
            source.add(people, osp.abspath(image))
            continue
        video = _folder(frame.video, folders)
        number = int(frame.frame_idx)
        image = osp.join(frames, video, f'frame{number:06d}.png')
        source.add(
            people, image, video=video, number=number, make=_maker(frame))
    if predicted:
        findings.note(
            'predictions', source.where,
            f'has {predicted} predicted instances, which are no '
            'labels')
    return source


def _flat(instance: Any) -> List[float]:
    found: List[float] = []
    for (x, y), visible in zip(instance.points['xy'],
                               instance.points['visible']):
        known = bool(np.isfinite([x, y]).all())
        found += [float(x), float(y), 2 if visible else 1] if known else \
            [0., 0., 0]
    return found


def _folder(video: Any, folders: Dict[str, str]) -> str:
    """A folder of its own for each video, named after it.

    Args:
        video: The video.
        folders (dict): Folders of the videos before by their paths; it is
            added.
    """
    name = _path(video)
    if name not in folders:
        # a file with its images may come from another system
        stem = osp.splitext(re.split(r'[\\/]', name)[-1])[0] or 'video'
        folders[name] = free_name(stem, folders.values())
    return folders[name]


def _path(video: Any) -> str:
    """Path of a video, also of one whose frames are in the file."""
    original = getattr(video, 'source_video', None) or video
    name = original.filename
    if isinstance(name, list):
        name = osp.dirname(str(name[0]))
    return str(name)


def _maker(frame: Any) -> Callable[[str], None]:
    """A function that writes the image of a frame."""

    def make(path: str) -> None:
        try:
            image = np.asarray(frame.image)
        except Exception as error:  # whatever a backend raises
            reason = ' '.join(str(error).split())
            raise DataError(f'frame {frame.frame_idx} of '
                            f'{frame.video.filename} cannot be read: '
                            f'{reason}') from error
        if image.ndim == 3 and image.shape[2] == 3:
            image = image[..., ::-1]  # OpenCV writes blue first
        if not cv2.imwrite(path, image):
            raise DataError(f'{path} cannot be written')

    return make
