# Copyright (c) semipose_mm authors.
"""The held-out part: by video or by time, and fixed once it is chosen."""
import hashlib
from typing import Callable, Dict, List, Optional, Sequence, Set

from semipose_mm.data_files import DataError, Findings
from .source import Frame

RULES = ('video', 'time', 'random')
#: So many videos there must be to hold some of them out.
MIN_VIDEOS = 3


def videos_of(frames: Sequence[Frame]) -> Dict[str, List[Frame]]:
    """Frames of each video, in their order."""
    found: Dict[str, List[Frame]] = {}
    for one in sorted(frames, key=lambda one: (one.video, one.order)):
        found.setdefault(one.video, []).append(one)
    return found


def choose_split(frames: Sequence[Frame], rule: Optional[str], share: float,
                 videos: Sequence[str], seed: int) -> dict:
    """Choose what is held out, and name it.

    Args:
        frames (Sequence[Frame]): All images.
        rule (str, optional): One of :data:`RULES`. Defaults to ``'video'``
            where there are :data:`MIN_VIDEOS`, else to ``'time'``.
        share (float): Share of the images to hold out.
        videos (Sequence[str]): Names of the videos to hold out; they make
            the rule ``'video'``.
        seed (int): Of what is drawn.

    Returns:
        dict: ``rule``, ``share`` and ``seed``; with ``'video'`` ``videos``,
        the names of those that are held out.

    Raises:
        DataError: If the images do not allow it.
    """
    known = videos_of(frames)
    if len(frames) < 2:
        raise DataError(f'there are {len(frames)} labeled images; there must '
                        'be two, as one is held out')
    if videos:
        wrong = [one for one in videos if one not in known]
        if wrong or len(set(videos)) == len(known):
            raise DataError(
                f'--val-videos is {", ".join(videos)}; it must be some of '
                f'{", ".join(known)}, and not all')
        rule = 'video'
    rule = rule or ('video' if len(known) >= MIN_VIDEOS else 'time')
    split = dict(rule=rule, share=share, seed=seed)
    if rule == 'video':
        if len(known) < 2:
            raise DataError('--split video needs two videos, but all labels '
                            f'are of {[*known][0]}: --split time holds its '
                            'end out')
        split['videos'] = sorted(videos) or _draw_videos(
            known, share * len(frames), seed)
    return split


def _draw_videos(known: Dict[str, List[Frame]], wanted: float,
                 seed: int) -> List[str]:
    """Videos whose images together come near to a number."""
    chosen: List[str] = []
    total = 0
    for name in sorted(known, key=lambda one: _hash(seed, one)):
        if len(chosen) == len(known) - 1:
            break  # one is left to train on
        more = total + len(known[name])
        if abs(more - wanted) < abs(total - wanted):
            chosen.append(name)
            total = more
    # where every video is larger than the share
    chosen = chosen or [min(known, key=lambda one: (len(known[one]), one))]
    return sorted(chosen)


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f'{seed} {name}'.encode()).hexdigest()


def held_out(frames: Sequence[Frame], split: dict) -> Set[tuple]:
    """Keys of the images that a first import holds out.

    Args:
        frames (Sequence[Frame]): All images.
        split (dict): What :func:`choose_split` returns.
    """
    if split['rule'] == 'video':
        return {one.key for one in frames if one.video in split['videos']}
    if split['rule'] == 'random':
        drawn = sorted(
            frames, key=lambda one: _hash(split['seed'], '/'.join(one.key)))
        return {one.key for one in drawn[:_count(split['share'], frames)]}
    known = videos_of(frames)
    last = [
        one for several in known.values()
        for one in several[len(several) -
                           round(split['share'] * len(several)):]
    ]
    if len(last) == len(frames):
        last = last[1:]  # one is left to train on
    # of a few images a share may be none
    longest = max(known.values(), key=len)
    return {one.key for one in last or longest[-1:]}


def _count(share: float, frames: Sequence[Frame]) -> int:
    return min(max(1, round(share * len(frames))), len(frames) - 1)


def val_rule(split: dict, val: Sequence[Frame]) -> Callable[[Frame], bool]:
    """Whether new images belong to a held-out part that there is.

    Args:
        split (dict): What :func:`choose_split` returned.
        val (Sequence[Frame]): What is held out by now.

    Returns:
        Callable: Tells of an image whether it belongs to ``val``.
    """
    if split['rule'] == 'video':
        return lambda frame: frame.video in split['videos']
    if split['rule'] == 'random':
        return lambda frame: False
    spans = {
        video: (same[0].order, same[-1].order)
        for video, same in videos_of(val).items()
    }

    def is_between(frame: Frame) -> bool:
        # what comes later is trained on, else all of a video would go there
        first, last = spans.get(frame.video, (None, None))
        return first is not None and first <= frame.order <= last

    return is_between


def warn_of_neighbors(train: Sequence[Frame], val: Sequence[Frame],
                      split: dict, findings: Findings) -> None:
    """Say how much alike what is held out is to what is trained on."""
    where = f'the held-out part (split: {split["rule"]})'
    if split['rule'] == 'random':
        findings.warn(
            'random split', where,
            'was drawn image by image: neighboring frames of a video are '
            'nearly the same picture, so scores will be too good')
        return
    if split['rule'] == 'video':
        return
    gaps = []
    trained = videos_of(train)
    for video, frames in videos_of(val).items():
        numbers = [one.number for one in trained.get(video, ())]
        own = [one.number for one in frames]
        if numbers and None not in numbers + own:
            gaps.append((min(abs(a - b) for a in own for b in numbers), video))
    found = 'is a stretch of each video'
    if gaps:
        gap, video = min(gaps)
        found += (f'; the nearest two images of both parts, in {video}, are '
                  f'{gap} apart by the numbers in their names')
    findings.warn(
        'split by time',
        where, f'{found}: it says little about another video, and scores of '
        'neighboring frames are too good',
        advice='Label some frames of another video and hold it out')
