# Copyright (c) semipose_mm authors.
"""The labels of a folder, read, and written at once."""
import hashlib
import json
import os.path as osp
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.box_rule import rule_box
from semipose_mm.data_files.label_folder import (FORMAT, annotation_file,
                                                 manifest_file, read_manifest)
from semipose_mm.data_files.text import read_json
from semipose_mm.files import json_bytes, write_all
from semipose_mm.version import __version__
from .coco import read_coco
from .placing import IMAGES, image_folder, placed
from .source import Frame, Pairs

PARTS = ('train', 'val')
#: What is counted of each part.
COUNTS = ('images', 'instances', 'labeled_joints', 'videos')


@dataclass
class Project:
    """Labels with a held-out part.

    Args:
        folder (str): Where it is, or will be.
        names (list[str]): Names of the joints.
        skeleton (list[tuple[str, str]]): Lines to draw.
        flip_pairs (list[tuple[str, str]], optional): What a mirror image
            exchanges, if a source said it.
        category (str): What is labeled.
        box_rule (dict): See :mod:`semipose_mm.data_files.box_rule`.
        split (dict): See :func:`~.split.choose_split`.
        parts (dict): Images of ``'train'`` and ``'val'``.
        imports (list[dict]): What each import brought.
    """
    folder: str
    names: List[str]
    skeleton: Pairs
    flip_pairs: Optional[Pairs]
    category: str
    box_rule: dict = field(default_factory=dict)
    split: dict = field(default_factory=dict)
    parts: Dict[str, List[Frame]] = field(
        default_factory=lambda: dict(train=[], val=[]))
    imports: List[dict] = field(default_factory=list)

    @property
    def frames(self) -> List[Frame]:
        """List[Frame]: All images."""
        return [one for part in PARTS for one in self.parts[part]]

    def counts(self) -> dict:
        """Numbers of images, instances and labeled joints of each part."""
        found = {}
        for part in PARTS:
            people = [p for one in self.parts[part] for p in one.people]
            found[part] = dict(
                images=len(self.parts[part]),
                instances=len(people),
                labeled_joints=sum(
                    sum(flag > 0 for flag in one[2::3]) for one in people),
                videos=len({one.video
                            for one in self.parts[part]}))
        return found

    def state(self) -> dict:
        """What an import keeps of the labels, to tell them from later ones.

        Returns:
            dict: ``counts`` of each part, and ``held_out``, the SHA-256 of
            the held-out pictures and their labels.
        """
        content = sorted((one.digest, [[*map(float, p)] for p in one.people])
                         for one in self.parts['val'])
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        return dict(counts=self.counts(), held_out=digest)

    def history(self) -> str:
        """The parts after each import, as csv."""
        rows = ['import,time,part,' + ','.join(COUNTS)]
        for number, one in enumerate(self.imports, 1):
            # those of earlier versions do not tell
            for part, counts in one.get('counts', {}).items():
                rows.append(f'{number},{one["time"]},{part},' +
                            ','.join(str(counts[key]) for key in COUNTS))
        return '\n'.join(rows) + '\n'

    def write(self, copy: bool = False) -> None:
        """Write all files, or leave them as they were.

        Args:
            copy (bool): Whether images are copied into the folder. Defaults
                to False, which links them.

        Raises:
            DataError: If they cannot be written, or a box rule gives no box.
        """
        root = image_folder(self.folder)
        with placed(self.frames, root, copy):
            contents = {
                annotation_file(self.folder, part): self._coco(part, root)
                for part in PARTS
            }
            contents[manifest_file(self.folder)] = dict(
                format=FORMAT,
                version=__version__,
                images=IMAGES,
                keypoints=self.names,
                box_rule=self.box_rule,
                split=self.split,
                counts=self.counts(),
                imports=self.imports)
            files = {path: json_bytes(one) for path, one in contents.items()}
            history = osp.join(self.folder, 'imports.csv')
            files[history] = self.history().encode()
            try:
                write_all(files)
            except OSError as error:
                raise DataError(f'--out {self.folder} cannot be written: '
                                f'{error.strerror or error}') from error

    def _coco(self, part: str, root: str) -> dict:
        """The labels of a part, in the order of videos and frames."""
        numbers = {
            id(one): i
            for i, one in enumerate(
                sorted(self.frames, key=lambda one: (one.video, one.order)), 1)
        }
        images: List[dict] = []
        annotations: List[dict] = []
        for frame in sorted(self.parts[part], key=lambda f: numbers[id(f)]):
            number, (width, height) = numbers[id(frame)], frame.size
            images.append(
                dict(
                    id=number,
                    file_name=osp.relpath(frame.path, root),
                    width=width,
                    height=height,
                    video=frame.video,
                    frame=frame.number,
                    sha256=frame.digest))
            for person, (keypoints, weights) in enumerate(
                    zip(frame.people, frame.weights)):
                try:
                    box = rule_box(self.box_rule, width, height, keypoints)
                except DataError as error:
                    raise DataError(f'{frame.path}: {error}') from error
                annotations.append(
                    dict(
                        id=1000 * number + person,
                        image_id=number,
                        category_id=1,
                        keypoints=keypoints,
                        num_keypoints=sum(v > 0 for v in keypoints[2::3]),
                        bbox=list(box),
                        area=box[2] * box[3],
                        iscrowd=0,
                        **(dict(keypoint_weights=weights) if weights else {})))
        category = coco_category(self.category, self.names, self.skeleton,
                                 self.flip_pairs)
        return dict(
            images=images, annotations=annotations, categories=[category])


def coco_category(name: str, joints: List[str], skeleton: Pairs,
                  flip_pairs: Optional[Pairs]) -> dict:
    """The category of labels in COCO's format.

    Args:
        name (str): What is labeled.
        joints (list[str]): Names of the joints.
        skeleton (list[tuple[str, str]]): Lines to draw.
        flip_pairs (list[tuple[str, str]], optional): What a mirror image
            exchanges, if it is known.
    """
    place = {joint: i for i, joint in enumerate(joints, 1)}
    category: Dict[str, Any] = dict(
        id=1,
        name=name,
        keypoints=joints,
        skeleton=[[place[a], place[b]] for a, b in skeleton])
    if flip_pairs is not None:
        category['flip_pairs'] = [list(one) for one in flip_pairs]
    return category


def read_project(folder: str, findings: Findings) -> Project:
    """Read a folder of labels that was written before.

    Args:
        folder (str): The folder.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        Project: What it holds.

    Raises:
        DataError: If it cannot be read, or an image is lost.
    """
    manifest = read_manifest(folder)
    root = manifest['images']
    if not osp.isdir(root):
        raise _lost(folder, root)
    read = {}
    for part in PARTS:
        path = annotation_file(folder, part)
        read[part] = read_coco(path, read_json(path, part, findings), [root],
                               findings)
        for one in read[part].frames:
            if not osp.isfile(one.path):
                raise _lost(path, one.path)
    train = read['train']
    if read['val'].names != train.names:
        raise DataError(f'{read["val"].path} has other keypoints than '
                        f'{train.path}')
    if root != image_folder(folder):
        findings.warn(
            'older folder', folder,
            f'named its images as {root} has them: when labels are added, '
            'configs that read this folder must be made anew')
    return Project(folder, train.names, train.skeleton, train.flip_pairs,
                   train.category, manifest['box_rule'], manifest['split'], {
                       part: one.frames
                       for part, one in read.items()
                   }, manifest['imports'])


def _lost(labels: str, path: str) -> DataError:
    """Say that an image or a folder of labels is gone."""
    return DataError(
        f'{labels}: {osp.realpath(path)} is no longer there: put it back, or '
        'import the labels into another folder, by --copy if images do not '
        'stay')


def warn_of_others(project: Project, findings: Findings) -> None:
    """Say that no image that was named is one of the labels.

    Args:
        project (Project): The labels.
        findings (Findings): Learns it.
    """
    videos = sorted({one.video for one in project.frames})
    findings.warn(
        'labels of others',
        f'--labels {project.folder}',
        f'has labels of {", ".join(videos[:3])} and none of what is to be '
        'labeled: no frame is left out as labeled or held out',
        advice='If it is the same recording, call a copy of the video so')
