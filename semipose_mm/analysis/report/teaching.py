# Copyright (c) semipose_mm authors.
"""Section of pseudo-labels: pictures of what is taught, and what is kept."""
from html import escape
from typing import Dict, List, Optional, Sequence

import numpy as np

from semipose_mm.files import csv_bytes
from .. import taught
from . import diagrams
from .page import Page, heading, legend, panel, table, text

#: Pairs of images of the step that is looked at.
PAIRS = 16


def add_teaching(page: Page, model, cfg, joints: Sequence[str], num: int,
                 seed: int, kept: Sequence[dict], colors: Dict[str,
                                                               int]) -> None:
    """What a training step at the checkpoint would teach.

    Args:
        page (Page): It gets a section.
        model (SemiPoseEstimator): Put into training mode, which changes its
            running statistics.
        cfg (Config): The config.
        joints (Sequence[str]): Names.
        num (int): Pairs that are drawn.
        seed (int): Seed of the pairs and of what is random in the step.
        kept (Sequence[dict]): What the training logged of selections.
        colors (dict): Of networks.
    """
    import torch
    torch.manual_seed(seed)
    batch = taught.build_batch(cfg, max(num, PAIRS), seed)
    data = taught.take_step(model.train(), batch)
    views = taught.taught_views(model)
    if not views:
        page.add('taught', 'What is taught',
                 text('No unlabeled image teaches: the config has no routes.'))
        return
    ratio = len(data['inputs']['easy']) // len(data['inputs']['labeled'])
    names = taught.image_names(data['data_samples'])
    (_, easy), *rest = taught.columns(model, **data)[2:]
    pictures = [column for _, column in rest]
    cards = []
    for i in range(num):
        routes = ''.join(
            _route(page, view, easy[i] if not r else None, pictures[2 * r][i],
                   pictures[2 * r + 1][i], i * ratio, joints)
            for r, view in enumerate(views))
        cards.append(f'<div class="taught"><h4>{escape(names[i * ratio])}'
                     f'</h4>{routes}</div>')
    height, width = easy[0].shape[:2]
    parts = [('gallery', 'Pseudo-labels as taught'),
             ('kept', 'What counts of each joint')]
    page.add(
        'taught',
        'What is taught',
        text('A training step at this checkpoint, with its augmentation: '
             'teachers see the easy view, and what they see, moved to the '
             'hard view, is the target of the student. It is laid over the '
             'hard view, red where a joint is.'),
        heading(*parts[0]),
        *cards,
        page.source(
            'taught.csv', _pairs_csv(views, names, joints),
            f'Places are in pixels of the network\'s input, {width} x '
            f'{height}.'),
        heading(*parts[1]),
        *kept_section(page, views, joints, kept, colors),
        headings=parts)


def _route(page: Page, view: 'taught.TaughtView', easy: Optional[np.ndarray],
           hard: np.ndarray, target: np.ndarray, row: int,
           joints: Sequence[str]) -> str:
    """Pictures and weights of a view of an image."""
    shown = [(easy, 'Easy view'),
             (hard, f'Hard view {view.view} for {view.student}'),
             (target, f'Target of {view.student}')]
    figures = ''.join(
        f'<figure>{page.picture(image, what)}<figcaption>{what}</figcaption>'
        '</figure>' if image is not None else '<span></span>'
        for image, what in shown)
    rows = [[
        joint, f'<span class="bar" style="--w:{100 * weight:.0f}%"></span>',
        f'{weight:.2f}', f'{confidence:.2f}'
    ] for joint, weight, confidence in zip(joints, view.weights[row],
                                           view.confidence[row])]
    weights = table(f'Weights for {view.student}',
                    ['joint', '', 'weight', 'confidence'], rows, 'weights')
    return f'<div class="route">{figures}{weights}</div>'


def _pairs_csv(views: Sequence['taught.TaughtView'], names: Sequence[str],
               joints: Sequence[str]) -> bytes:
    """All pairs of the step, a row for each joint."""
    rows: List[list] = [[
        'pair', 'image', 'student', 'view', 'joint', 'x', 'y', 'confidence',
        'in_view', 'weight', 'kept'
    ]]
    for view in views:
        for i, name in enumerate(names):
            for k, joint in enumerate(joints):
                kept = None if view.kept is None else float(view.kept[i, k])
                rows.append([
                    i, name, view.student, view.view, joint,
                    *view.points[i, k].tolist(),
                    float(view.confidence[i, k]),
                    int(view.inside[i, k]),
                    float(view.weights[i, k]), kept
                ])
    return csv_bytes(rows)


def kept_rows(views: Sequence['taught.TaughtView'],
              joints: Sequence[str]) -> List[dict]:
    """Means over the images and views of each student.

    Args:
        views (Sequence[TaughtView]): Of a step.
        joints (Sequence[str]): Names.

    Returns:
        list[dict]: ``student``, ``joint``, ``confidence`` of the teachers,
        ``in_view`` (share in the hard view), ``weight``, and ``kept`` (share
        that a selection keeps, nan without one).
    """
    rows = []
    for student in sorted({view.student for view in views}):
        own = [view for view in views if view.student == student]

        def mean(name):
            values = [getattr(view, name) for view in own]
            values = [value for value in values if value is not None]
            return np.mean(np.concatenate(values), 0) if values else \
                np.full(len(joints), np.nan)

        columns = [
            mean(name) for name in ('confidence', 'inside', 'weights', 'kept')
        ]
        rows += [
            dict(
                student=student,
                joint=joint,
                **dict(
                    zip(('confidence', 'in_view', 'weight', 'kept'),
                        map(float, cells))))
            for joint, *cells in zip(joints, *columns)
        ]
    return rows


def kept_section(page: Page, views: Sequence['taught.TaughtView'],
                 joints: Sequence[str], logged: Sequence[dict],
                 colors: Dict[str, int]) -> List[str]:
    """What counts of each joint at the checkpoint and in the training."""
    rows = kept_rows(views, joints)
    students = list(dict.fromkeys(row['student'] for row in rows))
    selects = any(view.kept is not None for view in views)
    key = 'kept' if selects else 'confidence'
    what = 'Share of joints that the selection keeps' if selects else \
        'Mean confidence of the teachers'
    told = 'The selection keeps a part of the joints.' if selects else \
        'The config has no selection: all joints are kept, and count where ' \
        'they lie in the view.'
    keys = ['confidence', 'in_view', 'weight'] + ['kept'] * selects
    cells = {(row['student'], row['joint']): row for row in rows}
    body = [
        text(f'{told} Means over {len(views[0].weights)} images, at the '
             'checkpoint.'),
        legend({name: colors[name]
                for name in students}),
        panel(
            diagrams.spans(
                'kept', f'{what}, for each joint and student', joints, {
                    colors[name]: [(cells[name, joint][key], ) * 2
                                   for joint in joints]
                    for name in students
                }, ''), what),
        table('What counts of each joint', [
            'joint', *(f'{name}, {k.replace("_", " ")}' for name in students
                       for k in keys)
        ], [[
            joint, *(_share(cells[name, joint][k]) for name in students
                     for k in keys)
        ] for joint in joints]),
        page.source(
            'kept.csv',
            csv_bytes([list(rows[0]), *(row.values() for row in rows)]))
    ]
    return body + (_kept_in_training(page, logged, joints) if logged else [])


def _share(value: float) -> str:
    return '-' if np.isnan(value) else f'{value:.2f}'


def _kept_in_training(page: Page, logged: Sequence[dict],
                      joints: Sequence[str]) -> List[str]:
    """What selections kept of each joint while the training went on."""
    values = [(entry['iter'], *key.split('/kept/'), value) for entry in logged
              for key, value in entry.items() if '/kept/' in key]
    students = list(dict.fromkeys(student for _, student, *_ in values))
    last = {(student, k): value for _, student, k, value in values}
    iteration = logged[-1]['iter']
    return [
        table(f'Share kept in the training, at iteration {iteration:,}',
              ['joint', *students], [[
                  joint, *(f'{last[student, str(k)]:.2f}' if
                           (student, str(k)) in last else '-'
                           for student in students)
              ] for k, joint in enumerate(joints)]),
        page.source(
            'kept_in_training.csv',
            csv_bytes([['iteration', 'student', 'joint', 'kept'],
                       *([i, student, joints[int(k)], value]
                         for i, student, k, value in values)]))
    ]
