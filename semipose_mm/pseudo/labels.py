# Copyright (c) semipose_mm authors.
"""Pseudo-labels as files: a COCO list, a table, a folder to train on."""
import os.path as osp
from datetime import datetime, timezone
from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np

from semipose_mm.data_files import DataError
from semipose_mm.data_files.label_folder import is_label_folder, read_manifest
from semipose_mm.data_files.text import show
from semipose_mm.files import csv_bytes, file_digest
from semipose_mm.importing.make import SLACK
from semipose_mm.importing.make import check_names as check_frames
from semipose_mm.importing.project import Project
from semipose_mm.importing.source import Frame
from semipose_mm.version import __version__

FORM = 'pseudo-labels'


class Candidates(NamedTuple):
    """Predictions of all images.

    Args:
        paths (list[str]): The images, M of them.
        sizes (np.ndarray): Width and height in pixels, (M, 2), int.
        boxes (np.ndarray): x, y, width, height in pixels, (M, 4).
        points (np.ndarray): (M, K, 2), see
            :class:`~semipose_mm.pseudo.agreement.Consensus`.
        scores (np.ndarray): (M, K).
        spreads (np.ndarray): (M, K).
    """
    paths: List[str]
    sizes: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    scores: np.ndarray
    spreads: np.ndarray

    def poses(self) -> np.ndarray:
        """np.ndarray: Joints in parts of the box's longer side, (M, K, 2)."""
        corners, sides = self.boxes[:, None, :2], self.boxes[:, None, 2:]
        return (self.points - corners - sides / 2) / sides.max(
            -1, keepdims=True)

    def outside(self) -> np.ndarray:
        """np.ndarray: Which joints lie outside of their image, (M, K)."""
        last = self.sizes[:, None] + SLACK
        return ((self.points < -SLACK) | (self.points > last)).any(-1)


def table(found: Candidates, weights: np.ndarray, states: Sequence[str],
          names: Sequence[str]) -> bytes:
    """All candidates as csv.

    Args:
        found (Candidates): M images.
        weights (np.ndarray): (M, K).
        states (Sequence[str]): What became of each.
        names (Sequence[str]): Names of the joints.

    Returns:
        bytes: A row for each image: the file, what became of it, means over
        the joints, the share of joints that are kept, the box, and x, y,
        score, spread and weight of each joint.
    """
    rows: List[list] = [[
        'image', 'state', 'score', 'spread', 'kept', 'box_x', 'box_y',
        'box_width', 'box_height',
        *(f'{name}_{key}' for name in names
          for key in ('x', 'y', 'score', 'spread', 'weight'))
    ]]
    joints = np.concatenate([
        found.points, found.scores[..., None], found.spreads[..., None],
        weights[..., None]
    ], -1)
    for i, (path, state) in enumerate(zip(found.paths, states)):
        means = (found.scores[i].mean(), found.spreads[i].mean(), (weights[i]
                                                                   > 0).mean())
        numbers = [*means, *found.boxes[i], *joints[i].ravel()]
        rows.append([path, state, *map(float, numbers)])
    return csv_bytes(rows, digits=6)


def coco(found: Candidates, weights: np.ndarray, chosen: Sequence[int],
         category: dict, root: str) -> dict:
    """The chosen images in COCO's format.

    Joints that are not kept are not labeled.

    Args:
        found (Candidates): M images.
        weights (np.ndarray): (M, K).
        chosen (Sequence[int]): Those that are written.
        category (dict): Names, skeleton and flip pairs.
        root (str): The folder that names of images are relative to.

    Returns:
        dict: With ``keypoint_scores`` and ``keypoint_spreads`` beside the
        weights, and the mean ``score``.
    """
    images, annotations = [], []
    for number, i in enumerate(chosen, 1):
        width, height = found.sizes[i].tolist()
        name = osp.relpath(found.paths[i], root)
        images.append(
            dict(id=number, file_name=name, width=width, height=height))
        box = found.boxes[i].tolist()
        annotations.append(
            dict(
                id=number,
                image_id=number,
                category_id=1,
                bbox=box,
                area=round(box[2] * box[3], 2),
                iscrowd=0,
                num_keypoints=int((weights[i] > 0).sum()),
                keypoints=flat(found.points[i], weights[i]),
                keypoint_weights=_rounded(weights[i]),
                keypoint_scores=_rounded(found.scores[i]),
                keypoint_spreads=_rounded(found.spreads[i]),
                score=round(float(found.scores[i].mean()), 6)))
    return dict(images=images, annotations=annotations, categories=[category])


def flat(points: np.ndarray, weights: np.ndarray) -> List[float]:
    """Joints (K, 2) as COCO has them; those of weight 0 are not labeled."""
    return [
        value for (x, y), weight in zip(points.round(4).tolist(), weights)
        for value in ((x, y, 2) if weight else (0., 0., 0))
    ]


def _rounded(values: np.ndarray) -> List[float]:
    return values.round(6).tolist()


def describe(meta: dict) -> dict:
    """The category of a data set.

    Args:
        meta (dict): Its meta information.
    """
    names = [meta['keypoint_id2name'][i] for i in range(meta['num_keypoints'])]
    return dict(
        id=1,
        name='subject',
        keypoints=names,
        skeleton=[[int(a) + 1, int(b) + 1] for a, b in meta['skeleton_links']],
        flip_pairs=[[names[i], names[j]]
                    for i, j in enumerate(meta['flip_indices']) if i < j])


def check_folder(folder: str) -> None:
    """Refuse to write over labels that somebody has added to.

    Args:
        folder (str): Where labels and pseudo-labels will be.

    Raises:
        DataError: If it has other labels than those of this command.
    """
    if not is_label_folder(folder):
        return
    last = read_manifest(folder)['imports'][-1]['sources'][0]
    if last.get('format') != FORM:
        raise DataError(
            f'{folder} has labels that were imported after pseudo-labels, and '
            'would be written over: move it, or choose another --out')


def merge(project: Project, out: str, names: Sequence[str], found: Candidates,
          weights: np.ndarray, chosen: Sequence[int], written: str,
          digest: str) -> Project:
    """Write a folder of labels and pseudo-labels.

    Pseudo-labels are trained on; the held-out part stays as it is.

    Args:
        project (Project): The labels.
        out (str): The new folder.
        names (Sequence[str]): Names of the joints of the pseudo-labels.
        found (Candidates): M images.
        weights (np.ndarray): (M, K).
        chosen (Sequence[int]): Those that are added.
        written (str): The COCO file of the pseudo-labels.
        digest (str): Its SHA-256.

    Returns:
        Project: What was written.

    Raises:
        DataError: If different pictures have the same name.
    """
    order = [list(names).index(one) for one in project.names]
    added = [
        Frame(
            osp.abspath(found.paths[i]),
            [flat(found.points[i][order], weights[i][order])],
            size=tuple(found.sizes[i].tolist()),
            digest=file_digest(found.paths[i]),
            weights=[_rounded(weights[i][order])]) for i in chosen
    ]
    parts = dict(project.parts, train=[*project.parts['train'], *added])
    source: Dict[str, Any] = dict(
        path=osp.abspath(written),
        format=FORM,
        images=len(added),
        left_out={},
        sha256=digest)
    record = dict(
        time=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        version=__version__,
        added=len(added),
        relabeled=0,
        sources=[source])
    merged = Project(out, project.names, project.skeleton, project.flip_pairs,
                     project.category, project.box_rule, project.split, parts,
                     [*project.imports, record])
    check_frames(merged.frames)
    record.update(merged.state())
    merged.write()
    return merged


def check_names(project: Project, names: Sequence[str], where: str) -> None:
    """Refuse labels of other joints than those that are predicted.

    Args:
        project (Project): The labels.
        names (Sequence[str]): What is predicted.
        where (str): The config, for the message.

    Raises:
        DataError: If their names differ.
    """
    if sorted(project.names) != sorted(names):
        raise DataError(
            f'--labels {project.folder} has the keypoints '
            f'{show(project.names)}, but {where} predicts {show(list(names))}')
