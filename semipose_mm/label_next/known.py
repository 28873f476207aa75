# Copyright (c) semipose_mm authors.
"""Where candidates are written, and which of them have labels already."""
import os
import os.path as osp
from typing import Collection, Dict, List, NamedTuple, Optional

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.copies import Copies
from semipose_mm.data_files.text import free_name
from semipose_mm.files import remove_unfinished
from semipose_mm.importing.project import Project, warn_of_others
from semipose_mm.importing.source import Frame, video_of
from semipose_mm.importing.split import val_rule
from .candidates import Candidates
from .choosing import Place

#: The folder of DeepLabCut's layout, whose name is that of no video.
FOLDER = 'labeled-data'
LABELED, HELD_OUT, NO_POSE = 'labeled', 'would be held out', 'no pose'


class Known(NamedTuple):
    """What is known of the candidates without their poses.

    Args:
        files (list[str]): Where each one is written, relative to the output.
        places (list[Place]): Video and number of each.
        barred (list[str]): Why one cannot be chosen; empty if it can.
        labeled (list[Place]): Video and number of all frames with labels.
    """
    files: List[str]
    places: List[Place]
    barred: List[str]
    labeled: List[Place]


def image_files(candidates: Candidates) -> List[str]:
    """Names of the images, as DeepLabCut calls them.

    Args:
        candidates (Candidates): The frames.

    Returns:
        list[str]: ``labeled-data/VIDEO/img0123.png`` for frame 123 of a
        video; an image keeps its name and the folder that stands for its
        video.
    """
    folders: Dict[str, str] = {}

    def folder_of(origin: str, stem: str) -> str:
        if origin not in folders:
            folders[origin] = free_name(stem, set(folders.values()))
        return folders[origin]

    lengths = candidates.of.tolist()
    digits = [
        len(str(max(lengths.count(i) - 1, 0)))
        for i in range(len(candidates.media))
    ]
    files = []
    for one, name in zip(lengths, candidates.names()):
        media = candidates.media[one]
        if media.is_video:
            folder = folder_of(media.path, media.name)
            name = f'img{name.zfill(digits[one])}.png'
        else:
            stem = video_of(name)[0].split('/')[0]
            folder = folder_of(osp.dirname(osp.abspath(name)), stem)
            name = osp.basename(name)
        files.append(f'{FOLDER}/{folder}/{name}')
    return files


def check_others(out: str, own: Collection[str]) -> None:
    """Refuse images and labels of another choice, such as a killed call's.

    Args:
        out (str): The folder that is written to.
        own (Collection[str]): What is to be written, relative to ``out``.

    Raises:
        DataError: If ``out/labeled-data`` has anything else.
    """
    other = []
    for folder, _, names in os.walk(osp.join(out, FOLDER)):
        gone = remove_unfinished(folder, '')
        inside = osp.relpath(folder, out).replace(os.sep, '/')
        other += [f'{inside}/{one}' for one in names if one not in gone]
    other = sorted({*other} - {*own})
    if other:
        more = f' and {len(other) - 3} more' if len(other) > 3 else ''
        raise DataError(
            f'--out {out} has {", ".join(other[:3])}{more}, which are not of '
            'the frames that are chosen now: choose another folder, or remove '
            f'{osp.join(out, FOLDER)} if nothing in it was labeled')


def look_up(candidates: Candidates, out: str, project: Optional[Project],
            findings: Findings) -> Known:
    """Find which candidates are labeled, or would not be trained on.

    An image is known by its content, a frame of a video by the names of both
    in the labels.

    Args:
        candidates (Candidates): The frames.
        out (str): The folder that images are written to.
        project (Project, optional): The labels that there are.
        findings (Findings): Learns what is doubtful.

    Returns:
        Known: What is known of them.
    """
    files, names = image_files(candidates), candidates.names()
    frames = [Frame(osp.join(osp.abspath(out), one), []) for one in files]
    barred = [
        '' if there else NO_POSE
        for there in (candidates.boxes[:, 0] == candidates.boxes[:, 0])
    ]
    places = [_place(one) for one in frames]
    if project is None:
        return Known(files, places, barred, [])
    # nobody has looked at pseudo-labels
    seen = [one for one in project.frames if not one.weighted]
    labeled = [_place(one) for one in seen]
    copies = Copies({one.path for one in seen})
    numbered = {one for one in labeled if one[1] >= 0}
    held_out = val_rule(project.split, project.parts['val'])
    for i, frame in enumerate(frames):
        is_image = candidates.media[candidates.of[i]].images
        if places[i] in numbered or is_image and any(copies.of(names[i])):
            barred[i] = LABELED
        elif not barred[i] and held_out(frame):
            barred[i] = HELD_OUT
    if LABELED not in barred:
        warn_of_others(project, findings)
    return Known(files, places, barred, labeled)


def _place(frame: Frame) -> Place:
    return frame.video, -1 if frame.number is None else frame.number
