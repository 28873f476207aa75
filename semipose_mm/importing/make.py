# Copyright (c) semipose_mm authors.
"""Importing labels: everything is read and decided, then written at once."""
import hashlib
import os.path as osp
from datetime import datetime, timezone
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from semipose_mm.data_files import NOTE, WARNING, DataError, Findings
from semipose_mm.data_files.box_rule import check_box_rule
from semipose_mm.data_files.images import image_fault, image_size
from semipose_mm.data_files.label_folder import is_label_folder
from semipose_mm.files import file_digest, whole_files
from semipose_mm.version import __version__
from .boxes import choose_rule, rule_told
from .formats import read_source
from .placing import image_folder
from .project import PARTS, Project, read_project
from .source import Frame, Source
from .split import choose_split, held_out, val_rule, warn_of_neighbors

VAL_SHARE = 0.2
#: Joints may lie beyond the edge of their image by so many pixels.
SLACK = 1.


class Imported(NamedTuple):
    """What an import did.

    Attributes:
        project (Project): What the folder holds now.
        sources (list[Source]): What was read.
        added (int): Images that are new.
        relabeled (int): Images whose labels were replaced.
        before (dict, optional): What an import keeps of the folder as it
            was: ``counts`` of each part and ``held_out``; None of a new one.
        findings (Findings): What is doubtful.
    """
    project: Project
    sources: List[Source]
    added: int
    relabeled: int
    before: Optional[dict]
    findings: Findings

    def lines(self) -> Iterator[str]:
        """What was read and written, and what comes next."""
        project = self.project
        for one in self.sources:
            left = ', '.join(f'{n} {why}' for why, n in one.left_out.items())
            yield (f'{one.path}: {one.form}, {len(one.frames)} labeled images'
                   f'{f"; left out: {left}" if left else ""}')
        yield f'keypoints: {len(project.names)}: {", ".join(project.names)}'
        for part, count in project.counts().items():
            yield (f'{part}: {count["instances"]} instances on '
                   f'{count["images"]} images of {count["videos"]} videos, '
                   f'{count["labeled_joints"]} labeled joints'
                   f'{self._before(part)}')
        rule = project.split['rule']
        videos = ', '.join(project.split.get('videos', ()))
        yield (f'held out by {rule}{f": {videos}" if videos else ""}; '
               f'{self.added} new images, {self.relabeled} relabeled')
        if self.before:
            same = self.before['held_out'] == project.imports[-1]['held_out']
            yield 'the held-out part is ' + (
                'as it was: scores before and after can be compared' if same
                else 'not as it was: scores before are of other labels')
        yield f'boxes: {rule_told(project.box_rule)}'
        yield from (f'warning: {one}' for one in self.findings.lines(WARNING))
        yield from (f'note: {one}' for one in self.findings.lines(NOTE))
        yield f'written: {project.folder}'
        yield 'next:'
        yield f'  semipose config {project.folder} --unlabeled FRAMES'

    def _before(self, part: str) -> str:
        """What was there before, behind what is there now."""
        if not self.before:
            return ''
        count = self.before['counts'][part]
        return (f' (before: {count["instances"]} on {count["images"]}, '
                f'{count["labeled_joints"]} joints)')


def import_labels(sources: Sequence[str],
                  out: str,
                  images: Sequence[str] = (),
                  copy: bool = False,
                  box_rule: Optional[dict] = None,
                  split: Optional[str] = None,
                  val_share: Optional[float] = None,
                  val_videos: Sequence[str] = (),
                  seed: int = 0) -> Imported:
    """Import labels into a folder, or merge them into one that there is.

    Args:
        sources (Sequence[str]): Files and folders of labels, see
            :data:`~.formats.FORMATS`.
        out (str): The folder.
        images (Sequence[str]): Folders to look for images in.
        copy (bool): Whether images are copied into the folder. Defaults to
            False, which links them.
        box_rule (dict, optional): See
            :func:`~semipose_mm.data_files.box_rule.check_box_rule`. Defaults
            to that of the folder; of a new one to whole images, or to
            keypoints with a margin of 0.25 where an image has several
            instances.
        split (str, optional): How the held-out part is chosen, ``'video'``,
            ``'time'`` or ``'random'``. Defaults to videos where there are
            three, else to time.
        val_share (float, optional): Share of it. Defaults to 0.2.
        val_videos (Sequence[str]): Videos to hold out.
        seed (int): Of what is drawn. Defaults to 0.

    Returns:
        Imported: What was done; ``print(*imported.lines(), sep='\\n')`` shows
        it.

    Raises:
        DataError: In one line, if something cannot be used; then the labels
            of the folder are as they were.
    """
    findings = Findings()
    if box_rule is not None:
        box_rule = check_box_rule(box_rule, 'box_rule')
    share = VAL_SHARE if val_share is None else val_share
    if not 0 < share < 1:
        raise DataError(f'--val-share is {share:g}; it must be above 0 and '
                        'below 1')
    for one in images:
        if not osp.isdir(one):
            raise DataError(f'--images {one} is no folder')
    old = read_project(out, findings) if is_label_folder(out) else None
    if old and (split or val_videos or val_share is not None):
        raise DataError(f'--out {out} has a held-out part, which stays as it '
                        'is: leave --split, --val-share and --val-videos out')
    read = [
        read_source(one, images, image_folder(out), findings)
        for one in sources
    ]
    project = old or _new_project(out, read)
    for one in read:
        _bring_names(one, project, findings)
    before = old and old.state()
    new = _gather(read, findings)
    fresh, relabeled = _merge(project, new, split, share, val_videos, seed,
                              findings)
    added = len(fresh)
    project.box_rule = choose_rule(project, box_rule, findings)
    warn_of_neighbors(*(project.parts[one] for one in PARTS), project.split,
                      findings)
    project.imports.append(
        dict(
            time=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            version=__version__,
            added=added,
            relabeled=relabeled,
            **project.state(),
            sources=[
                dict(
                    path=osp.abspath(one.path),
                    format=one.form,
                    images=len(one.frames),
                    left_out=dict(one.left_out),
                    sha256=_digest(one.files)) for one in read
            ]))
    project.write(copy)
    return Imported(project, read, added, relabeled, before, findings)


def _digest(files: Sequence[str]) -> str:
    """SHA-256 of a file; of several, that of theirs together."""
    digests = [file_digest(one) for one in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256('\n'.join(digests).encode()).hexdigest()


def _new_project(out: str, read: Sequence[Source]) -> Project:
    """A project that has the names of the first source."""
    first = read[0]
    return Project(out, first.names, first.skeleton, first.flip_pairs,
                   first.category)


def _bring_names(source: Source, project: Project, findings: Findings) -> None:
    """Bring the joints of a source into the order of the project."""
    names = project.names
    if source.names == names:
        return
    unknown = [one for one in source.names if one not in names]
    if unknown:
        raise DataError(f'{source.where} has the keypoints '
                        f'{", ".join(unknown)}; allowed are '
                        f'{", ".join(names)}, those that came first')
    missing = [one for one in names if one not in source.names]
    if missing:
        findings.warn('missing keypoints', source.where,
                      f'has no {", ".join(missing)}: not labeled there')
    own = list(source.names)
    source.names = names
    for frame in source.frames:
        frame.people = [
            source.flat({
                name: one[3 * i:3 * i + 3]
                for i, name in enumerate(own)
            }) for one in frame.people
        ]
        frame.weights = [
            one and [dict(zip(own, one)).get(name, 1.) for name in names]
            for one in frame.weights
        ]


def _make_image(frame: Frame, source: Source) -> None:
    """Write an image, or see to it that the one there is the same."""
    there = osp.isfile(frame.path) and file_digest(frame.path)
    with whole_files(frame.path) as (part, ):
        frame.make(part)
        if there and file_digest(part) != there:
            raise DataError(
                f'{source.where}: {frame.path} is there and shows another '
                'picture, of another video of this name: rename one of the '
                'videos')


def _gather(read: Sequence[Source], findings: Findings) -> List[Frame]:
    """The images of all sources, each once, with size and content."""
    found: Dict[str, Frame] = {}
    for source in read:
        for frame in source.frames:
            if frame.make is not None:
                _make_image(frame, source)
            fault = image_fault(frame.path)
            if fault:
                raise DataError(f'{source.where}: {frame.path} {fault}')
            frame.size = image_size(frame.path)
            frame.digest = file_digest(frame.path)
            _drop_outside(frame, source, findings)
            known = found.setdefault(frame.digest, frame)
            if known is not frame:
                findings.warn(
                    'twice', source.where, f'has {frame.path}, the picture of '
                    f'{known.path}: the later labels are taken, but not those '
                    'with weights in the place of others')
                if known.weighted or not frame.weighted:
                    known.relabel(frame)
    frames = [one for one in found.values() if one.people]
    check_names(frames)
    return frames


def check_names(frames: Sequence[Frame]) -> None:
    """Refuse different pictures that have the same name."""
    names: Dict[Tuple[str, str], Frame] = {}
    for frame in frames:
        known = names.setdefault(frame.key, frame)
        if known is not frame:
            raise DataError(
                f'{frame.path} is another picture than {known.path}, but both '
                f"are called {frame.key[1]} in the video '{frame.video}': "
                'rename the folder of one, as a folder is a video')


def _drop_outside(frame: Frame, source: Source, findings: Findings) -> None:
    """Take joints outside of their image as not labeled."""
    for keypoints in frame.people:
        for i in range(0, len(keypoints), 3):
            if keypoints[i + 2] and not all(
                    -SLACK <= value <= limit + SLACK
                    for value, limit in zip(keypoints[i:i + 2], frame.size)):
                findings.warn(
                    'joint outside', f'{source.where}, {frame.path}',
                    f'has {source.names[i // 3]} at {keypoints[i]:g}, '
                    f'{keypoints[i + 1]:g}, outside of its '
                    f'{frame.size[0]} x {frame.size[1]} pixels: it is taken '
                    'as not labeled')
                keypoints[i:i + 3] = 0., 0., 0
    frame.drop_unlabeled()


def _merge(project: Project, new: Sequence[Frame], split: Optional[str],
           share: float, videos: Sequence[str], seed: int,
           findings: Findings) -> Tuple[List[Frame], int]:
    """Put images into the parts, and replace labels.

    Labels with weights, such as pseudo-labels, neither take the place of
    labels without, nor are they held out.

    Returns:
        tuple: The images that are new, and how many were relabeled.
    """
    parts = project.parts
    first: List[Frame] = []
    if not project.split:
        whole = [one for one in new if not one.weighted]
        first = whole if len(whole) > 1 else list(new)
        project.split = choose_split(first, split, share, videos, seed)
        held = held_out(first, project.split)
        for one in first:
            parts['val' if one.key in held else 'train'].append(one)
    # by content, wherever a copy of an image was labeled
    known = {one.digest: one for one in project.frames}
    placed = {id(one) for one in first}
    belongs = val_rule(project.split, parts['val'])
    added: List[Tuple[str, Frame]] = []
    relabeled, left_out = 0, 0
    for one in new:
        if id(one) in placed:
            continue
        there = known.get(one.digest)
        part = 'val' if belongs(one) else 'train'
        if one.weighted and (part == 'val'
                             if there is None else not there.weighted):
            left_out += 1
        elif there is None:
            added.append((part, one))
        else:
            there.relabel(one)
            relabeled += 1
    check_names([*project.frames, *(one for _, one in added)])
    for part, one in added:
        parts[part].append(one)
    if left_out:
        findings.warn(
            'labels with weights', f'--out {project.folder}',
            f'takes none of {left_out} images whose labels have '
            'keypoint_weights: they have labels without, or would be held out')
    return [*first, *(one for _, one in added)], relabeled
