# Copyright (c) semipose_mm authors.
"""Frames of videos become images: chosen once, written once, resumably."""
import os
import os.path as osp
import time
from typing import Any, Callable, Dict, Iterator, List, Sequence

import cv2
import numpy as np

from ..data_files import DataError
from ..data_files.text import VIDEOS, video_names
from ..files import remove_unfinished, whole_files
from .choosing import (Choice, by_kmeans, by_motion, by_stride, drop_near,
                       motion, thumbnail)
from .manifest import Manifest, VideoFrames
from .reading import has_frame, read_frames, video_info
from .rules import NUM

_OPTIONS = dict(jpg=[cv2.IMWRITE_JPEG_QUALITY, 95], png=[])
#: Seconds between lines that say how far it is.
_SAY = 20.


def find_videos(paths: Sequence[str]) -> List[str]:
    """List videos, each once.

    Args:
        paths (Sequence[str]): Videos, and folders, of which those are taken
            that lie in them and end as videos do.

    Returns:
        list[str]: The videos, in that order.

    Raises:
        DataError: If a folder has none.
    """
    found = []
    for path in paths:
        inside = [path]
        if osp.isdir(path):
            inside = [osp.join(path, name) for name in video_names(path)]
        if not inside:
            raise DataError(f"folder '{path}' has no video: {VIDEOS} are "
                            'looked for')
        found += inside
    return list({osp.realpath(one): one for one in found}.values())


def write_frames(videos: Sequence[str],
                 out: str,
                 num: int = NUM,
                 rule: str = 'kmeans',
                 image: str = 'jpg',
                 findings: Any = None,
                 say: Callable[[str], Any] = print) -> List[VideoFrames]:
    """Choose frames of videos, and write those that are not there yet.

    ``out/VIDEO/NUMBER.jpg`` is frame ``NUMBER`` of a video, counted from 0;
    ``out/frames.json`` is written as soon as frames are chosen, so that a
    call that was killed goes on where it was.

    Args:
        videos (Sequence[str]): The videos.
        out (str): The folder of images.
        num (int): How many frames to choose of a video. Defaults to 500.
        rule (str): ``'kmeans'`` of thumbnails, ``'motion'`` (equal steps of
            it) or ``'stride'``; the first two leave near-duplicates out.
            Defaults to ``'kmeans'``.
        image (str): ``'jpg'`` of quality 95, or ``'png'``. Defaults to
            ``'jpg'``.
        findings (Findings, optional): Learns what is doubtful. Defaults to
            None, for nobody.
        say (Callable): Gets a line about each video, and how far it is.
            Defaults to :func:`print`.

    Returns:
        list[VideoFrames]: What there is of each video.

    Raises:
        DataError: If a video cannot be read, or the folder has frames of it
            that were chosen in another way.
        OSError: If an image cannot be written.
    """
    manifest = Manifest(out)
    # before a long reading of the first one
    known = [(path, video_info(path), manifest.find(path, rule, num, image))
             for path in videos]
    done = []
    for path, info, entry in known:
        name = osp.basename(path)
        if entry is None:
            total, choice = _choose(path, info.frames, num, rule, findings,
                                    say)
            status = os.stat(path)
            entry = VideoFrames(
                osp.abspath(path), status.st_size, int(status.st_mtime),
                manifest.new_folder(path), rule, num, image, info.width,
                info.height, info.rate, total, choice.near,
                choice.numbers.tolist())
            manifest.videos.append(entry)
            manifest.save()
        written = _write(path, out, entry, findings, say)
        left = [
            one for one in entry.frames
            if osp.exists(osp.join(out, entry.name(one)))
        ]
        if not left:
            raise DataError(f"video '{path}' breaks off before the first of "
                            'the frames that were chosen')
        if left != entry.frames:  # it breaks off, and goes on later
            entry.frames = left
            manifest.save()
        near = f' ({entry.near} near-duplicates left out)' * bool(entry.near)
        say(f'{name}: {len(left):,} of {entry.total:,} frames of '
            f'{entry.width} x {entry.height} pixels by {rule}{near} in '
            f'{osp.join(out, entry.folder)}, {written:,} of them written now')
        done.append(entry)
    return done


def _choose(path: str, total: int, num: int, rule: str, findings: Any,
            say: Callable) -> tuple:
    """Number of frames of a video, and those that are chosen."""
    if rule == 'stride':
        if not has_frame(path, total - 1):
            total = sum(1 for _ in _said(path, 0, say, findings=findings))
        return total, Choice(by_stride(total, num), 0)
    thumbnails = np.stack([
        thumbnail(frame)
        for _, frame in _said(path, total, say, findings=findings)
    ])
    numbers = by_kmeans(thumbnails, num) if rule == 'kmeans' else by_motion(
        motion(thumbnails), num)
    return len(thumbnails), drop_near(thumbnails, numbers)


def _write(path: str, out: str, entry: VideoFrames, findings: Any,
           say: Callable) -> int:
    """Write the frames that are missing; their number."""
    remove_unfinished(osp.join(out, entry.folder), f'.{entry.image}')
    targets = {
        number: osp.join(out, entry.name(number))
        for number in entry.frames
    }
    missing = {n: one for n, one in targets.items() if not osp.exists(one)}
    # what the choice has warned of is not warned of twice
    return write_numbers(path, missing, say,
                         findings if entry.rule == 'stride' else None)


def write_numbers(path: str,
                  targets: Dict[int, str],
                  say: Callable[[str], Any] = print,
                  findings: Any = None) -> int:
    """Write frames of a video, over files that are there.

    Args:
        path (str): The video.
        targets (dict[int, str]): The file of each frame by its number,
            ``.jpg`` (of quality 95) or ``.png``.
        say (Callable): Gets a line now and then. Defaults to :func:`print`.
        findings (Findings, optional): Learns what is doubtful. Defaults to
            None, for nobody.

    Returns:
        int: How many were written, the first ones; those after the video
        breaks off are not.

    Raises:
        DataError: If the video cannot be read.
        OSError: If an image cannot be written.
    """
    written, last = 0, max(targets, default=-1)
    for number, frame in _said(
            path, last + 1, say, findings=findings,
            wanted=targets.__contains__) if targets else ():
        target = targets[number]
        with whole_files(target) as (part, ):
            if not cv2.imwrite(part, frame,
                               _OPTIONS[osp.splitext(target)[1][1:]]):
                raise OSError(f'the image {target} cannot be written')
        written += 1
        if number == last:
            break
    return written


def _said(path: str, total: int, say: Callable,
          **options: Any) -> Iterator[tuple]:
    """Frames of a video, with a line now and then that says how far it is."""
    began = time.monotonic()
    for number, frame in read_frames(path, **options):
        if time.monotonic() - began > _SAY:
            began = time.monotonic()
            say(f'{osp.basename(path)}: read up to frame {number:,}'
                f'{f" of {total:,}" if total else ""}')
        yield number, frame
