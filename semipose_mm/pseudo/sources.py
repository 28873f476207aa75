# Copyright (c) semipose_mm authors.
"""Which images can get pseudo-labels."""
import os.path as osp
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

from semipose_mm.data_files import DataError, Findings
from semipose_mm.files import file_digest
from semipose_mm.importing.project import Project, warn_of_others
from semipose_mm.importing.source import Frame
from semipose_mm.importing.split import val_rule
from semipose_mm.prediction.media import Media, find_media

LABELED, HELD_OUT = 'labeled already', 'of the held-out part'


def find_images(paths: Sequence[str], out: str, frames: int, rule: str,
                findings: Findings) -> Media:
    """Find the images, and write frames of videos.

    Args:
        paths (Sequence[str]): Videos, images, folders of images or videos.
        out (str): Frames of videos are written to ``out/frames``.
        frames (int): How many of each video.
        rule (str): How they are chosen, see :mod:`semipose_mm.videos`.
        findings (Findings): Learns what is doubtful about videos.

    Returns:
        Media: The images.

    Raises:
        DataError: If one of the paths is none of these.
    """
    media = find_media(paths)
    images = [image for one in media for image in one.images]
    videos = [one.path for one in media if one.is_video]
    if videos:
        from semipose_mm.videos.writing import find_videos, write_frames
        folder = osp.join(out, 'frames')
        images += [
            osp.join(folder, name) for one in write_frames(
                find_videos(videos), folder, frames, rule, findings=findings)
            for name in one.names
        ]
    images = list({osp.realpath(one): one for one in images}.values())
    if len(media) == 1 and media[0].path and not videos:
        return media[0]._replace(name='pseudo', images=images)
    root = osp.commonpath([osp.dirname(osp.abspath(one)) for one in images])
    return Media(root, 'pseudo', [osp.abspath(one) for one in images])


def leave_out(media: Media, project: Optional[Project],
              findings: Findings) -> Tuple[Media, Dict[str, int]]:
    """Leave images out that have labels, or must not be trained on.

    Args:
        media (Media): The images.
        project (Project, optional): The labels. A labeled image is known by
            its content, or by its video and its number or name there.
        findings (Findings): Learns if no image is of the labels.

    Returns:
        tuple: The other images, and how many were left out by reason.

    Raises:
        DataError: If none is left.
    """
    if project is None:
        return media, {}
    digests = {one.digest for one in project.frames}
    names = {_name(one) for one in project.frames}
    belongs = val_rule(project.split, project.parts['val'])
    counts: Counter = Counter()
    images: List[str] = []
    for path in media.images:
        frame: Any = Frame(osp.abspath(path), [])
        if _name(frame) in names or file_digest(path) in digests:
            counts[LABELED] += 1
        elif belongs(frame):
            counts[HELD_OUT] += 1
        else:
            images.append(path)
    if not counts:
        warn_of_others(project, findings)
    if not images:
        told = ', '.join(f'{n} {why}' for why, n in counts.items())
        raise DataError(f'no image is left to be labeled: {told}')
    return media._replace(images=images), dict(counts)


def _name(frame: Frame) -> tuple:
    """Video and number of a frame; without one, the name of the file."""
    number = frame.number
    return frame.key if number is None else (frame.video, number)
