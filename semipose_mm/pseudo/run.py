# Copyright (c) semipose_mm authors.
"""From predictions in a journal to pseudo-labels, whole or not at all."""
import hashlib
import os.path as osp
import shlex
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np

from semipose_mm.data_files import DataError
from semipose_mm.files import json_bytes, write_all
from semipose_mm.importing.project import Project
from semipose_mm.prediction.run import Task, journal_path, read_records
from .agreement import ALIKE, CHOSEN, FEW, choose, consensus, joint_weights
from .labels import Candidates, check_folder, coco, describe, merge, table

NUM, KEEP, MIN_JOINTS = 1000, 0.75, 0.75
SCALES = (1., 0.8, 1.25)


class Made(NamedTuple):
    """What was made.

    Args:
        out (str): The folder.
        found (Candidates): All images that were predicted.
        weights (np.ndarray): (M, K).
        states (list[str]): What became of each.
        reasons (dict[str, int]): Numbers of the others, by reason.
        names (list[str]): Names of the joints.
        project (Project, optional): Labels and pseudo-labels.
    """
    out: str
    found: Candidates
    weights: np.ndarray
    states: List[str]
    reasons: Dict[str, int]
    names: List[str]
    project: Optional[Project]

    def lines(self) -> Iterator[str]:
        """What was chosen, and by which limits."""
        counts = [f'{self.states.count(CHOSEN):,} {CHOSEN}']
        counts += [
            f'{self.states.count(one):,} {one}'
            for one in (FEW, ALIKE) if one in self.states
        ] + [f'{n:,} {why}' for why, n in self.reasons.items()]
        total = len(self.states) + sum(self.reasons.values())
        yield f'{total:,} images: {"; ".join(counts)}'
        kept = self.weights > 0
        chosen = np.array([one == CHOSEN for one in self.states])
        yield (f'{"joint":24} {"kept":>6} {"spread <=":>10} {"score >=":>9} '
               f'{"weight":>7}')
        for k, name in enumerate(self.names):
            own = kept[:, k]
            limits = (self.found.spreads[own, k].max(),
                      self.found.scores[own,
                                        k].min()) if own.any() else (np.nan,
                                                                     np.nan)
            mean = self.weights[chosen, k].mean() if chosen.any() else 0.
            yield (f'{name:24} {own.mean():6.0%} {limits[0]:10.4f} '
                   f'{limits[1]:9.4g} {mean:7.3f}')
        yield ('spread is in parts of the longer side of the box, weight the '
               'mean of the chosen images')
        files = 'candidates.csv, pseudo.json, about.json'
        if self.project is not None:
            files += ', labels'
        yield f'written to {self.out}: {files}'


def read_candidates(task: Task, joints: int) -> tuple:
    """Sum up the predictions of a journal that is complete.

    Args:
        task (Task): What was predicted.
        joints (int): Number of joints.

    Returns:
        tuple: :class:`Candidates`, and numbers of the images without a
        prediction by reason.

    Raises:
        DataError: If no image has one.
    """
    rows: List[tuple] = []
    reasons: Dict[str, int] = {}
    for record in read_records(journal_path(task.out)):
        if 'poses' not in record:
            reason = record['reason']
            reasons[reason] = reasons.get(reason, 0) + 1
            continue
        poses = np.reshape(record['poses'], (-1, joints, 3))
        rows.append((task.media.images[record['index']], record['size'],
                     record['box'], *consensus(poses, max(record['box'][2:]))))
    if not rows:
        raise DataError(f'no image could be predicted; the first: '
                        f'{next(iter(reasons), "there is none")}')
    paths, *arrays = zip(*rows)
    return Candidates(list(paths), *map(np.array, arrays)), reasons


def make_pseudo_labels(task: Task,
                       meta: dict,
                       out: str,
                       left_out: Dict[str, int],
                       num: int = NUM,
                       keep: float = KEEP,
                       min_joints: float = MIN_JOINTS,
                       project: Optional[Project] = None) -> Made:
    """Choose pseudo-labels among predictions, and write them.

    Args:
        task (Task): What was predicted, with all views.
        meta (dict): Meta information of the model's data set.
        out (str): The folder.
        left_out (dict): Numbers of images that were not predicted, by reason.
        num (int): How many images to choose. Defaults to 1000.
        keep (float): See :func:`~semipose_mm.pseudo.agreement.joint_weights`.
            Defaults to 0.75.
        min_joints (float): Share of the joints that must be kept in a chosen
            image. Defaults to 0.75.
        project (Project, optional): Labels that pseudo-labels are added to,
            in ``out/labels``. Defaults to None.

    Returns:
        Made: What was made.

    Raises:
        DataError: If nothing was predicted or can be chosen.
    """
    category = describe(meta)
    names: List[str] = category['keypoints']
    if project is not None:
        check_folder(osp.join(out, 'labels'))
    found, reasons = read_candidates(task, len(names))
    weights = joint_weights(found.spreads, found.scores, keep)
    weights[found.outside()] = 0
    chosen, states = choose(weights, found.poses(), min_joints, num)
    if not len(chosen):
        raise DataError(
            f'no image has {min_joints:.0%} of its joints among those that '
            f'agree: --min-joints is {min_joints:g}, --keep is {keep:g}')
    content = coco(found, weights, chosen, category, task.media.path or '.')
    about = dict(
        settings=dict(
            task.settings, num=num, keep=keep, min_joints=min_joints),
        images=dict({one: states.count(one)
                     for one in (CHOSEN, FEW, ALIKE)}, **reasons, **left_out))
    written, text = osp.join(out, 'pseudo.json'), json_bytes(content)
    if project is not None:
        # first, as it can be refused
        project = merge(project, osp.join(out, 'labels'), names, found,
                        weights, chosen, written,
                        hashlib.sha256(text).hexdigest())
    write_all({
        written:
        text,
        osp.join(out, 'candidates.csv'):
        table(found, weights, states, names),
        osp.join(out, 'about.json'):
        json_bytes(about)
    })
    return Made(out, found, weights, states, dict(reasons, **left_out), names,
                project)


def next_steps(made: Made, base: Optional[str], size: Sequence[int],
               sources: Sequence[str]) -> Iterator[str]:
    """The commands that train a fresh network.

    Args:
        made (Made): What was made.
        base (str, optional): The zoo's config that the model has; None lets
            one be recommended.
        size (Sequence[int]): Width and height of the model's input.
        sources (Sequence[str]): What holds the images of pseudo-labels.
    """
    folder = osp.join(made.out, 'labels')
    config = osp.join(made.out, 'retrain.py')
    if made.project is None:
        yield f'  semipose import LABELS... --out {shlex.quote(folder)}'
        yield '  ' + shlex.join([
            'semipose', 'import',
            osp.join(made.out, 'pseudo.json'), '--out', folder, '--images',
            *sources
        ])
    named = ['--base', base] if base else []
    yield '  ' + shlex.join([
        'semipose', 'config', folder, *named, '--recipe', 'supervised',
        '--input-size', *map(str, size), '--out', config
    ])
    for command in ('browse', 'train'):
        yield '  ' + shlex.join(['semipose', command, config])
