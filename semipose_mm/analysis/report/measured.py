# Copyright (c) semipose_mm authors.
"""Sections of what a checkpoint predicts of the validation data."""
import os.path as osp
from html import escape
from typing import Dict, List, NamedTuple

import cv2
import numpy as np

from semipose_mm.data_files import DataError
from semipose_mm.evaluation.distances import STATISTICS, summarize
from semipose_mm.evaluation.pixel_error import error_rows
from semipose_mm.evaluation.scores import network_order
from semipose_mm.files import csv_bytes
from ..plot_predictions import draw_pose
from ..sample_scores import (Truth, build_data, predict, ranking, read_truth,
                             relative_error)
from . import diagrams
from .page import Page, dots, heading, legend, panel, table, text

#: Width of a frame, and bounds of its height.
WIDTH, HEIGHTS = 300, (200, 420)
#: An error below this part of the box's longer side is near.
NEAR = 0.1
#: Groups of the diagram of reliability, and the fewest joints of one.
BINS, FEWEST = 10, 20


class Measured(NamedTuple):
    """Predictions of N samples with K joints, and their errors.

    Attributes:
        joints (list[str]): Names.
        truths (list[Truth]): What is labeled.
        poses (dict[str, np.ndarray]): Of each network (N, K, 3).
        errors (dict[str, np.ndarray]): In pixels (N, K), nan where nothing is
            labeled.
        meta (dict): Of the data set.
    """
    joints: List[str]
    truths: List[Truth]
    poses: Dict[str, np.ndarray]
    errors: Dict[str, np.ndarray]
    meta: dict


def measure(model, cfg, limit=None) -> Measured:
    """Predict the validation data of a config with all scored networks.

    Args:
        model (nn.Module): In evaluation mode.
        cfg (Config): The config.
        limit (int, optional): Only the first samples. Defaults to None

    Raises:
        DataError: If there are no validation data, or they have other joints.
    """
    loader = cfg.get('val_dataloader')
    if not loader:
        raise DataError('val_dataloader of the config is None: there are no '
                        'data to predict; --checkpoint none leaves that out')
    dataset = build_data(cfg, limit, part='val')
    truths = read_truth(dataset)
    if not truths:
        raise DataError('val_dataloader.dataset has no samples')
    scored = (cfg.get('val_cfg') or {}).get('networks') or getattr(
        model, 'scored_networks', ['net0'])
    # the loops take one name, too
    scored = [scored] if isinstance(scored, str) else scored
    names = sorted(
        {*scored, getattr(model, 'selected_network', 'net0')},
        key=network_order)
    poses = predict(model, dataset, loader, names)
    labels = np.array([truth.keypoints for truth in truths], float)
    if labels.shape[1] != poses[names[0]].shape[1]:
        raise DataError(
            f'the networks predict {poses[names[0]].shape[1]} joints, but '
            f'val_dataloader.dataset has {labels.shape[1]}')
    labels[~np.array([truth.visible for truth in truths])] = np.nan
    if np.isnan(labels).all():
        raise DataError('val_dataloader.dataset has no labeled joints')
    id2name = dataset.metainfo['keypoint_id2name']
    return Measured(
        [id2name[i] for i in range(len(id2name))], truths, poses, {
            name: np.linalg.norm(one[..., :2] - labels, axis=-1)
            for name, one in poses.items()
        }, dataset.metainfo)


def pixels(value: float) -> str:
    """Pixels for people to read."""
    if np.isnan(value):
        return '-'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


# ------------------------------------------------------------------ joints


def add_joints(page: Page, found: Measured, selected: str,
               colors: Dict[str, int]) -> None:
    """Errors in pixels of each joint, of all networks."""
    rows = {
        name: error_rows(errors, found.joints)
        for name, errors in found.errors.items()
    }
    others = [name for name in rows if name != selected]
    lines = [[
        row['joint'],
        str(row['values']), *(pixels(row[key]) for key in STATISTICS),
        *(pixels(rows[name][i]['median']) for name in others)
    ] for i, row in enumerate(rows[selected])]
    series = {
        colors[name]: [(row['median'], row['95%']) for row in of[1:]]
        for name, of in rows.items()
    }
    page.add(
        'joints', 'Errors of each joint',
        text(f'Distance from the label in pixels of the image, in '
             f'{len(found.truths):,} samples of the validation data; only '
             'labeled joints count. 95% is the error that 95 % of the labels '
             'do not exceed.'),
        table('Errors in pixels', [
            'joint', 'labels', *(f'{selected}, {key}'
                                 for key in STATISTICS), *(f'{name}, median'
                                                           for name in others)
        ], lines), legend({name: colors[name]
                           for name in rows}),
        panel(
            diagrams.spans(
                'joints',
                'Median error of each joint and network with a line up '
                'to its 95 % quantile', found.joints, series,
                'error, pixels of the image'),
            'Median (dot) and 95 % quantile (end of the line)'),
        page.source(
            'joint_errors.csv',
            csv_bytes([['network', *next(iter(rows.values()))[0]],
                       *([name, *row.values()] for name, of in rows.items()
                         for row in of)])))


def predictions_csv(found: Measured) -> bytes:
    """All that was predicted and labeled, a row for each joint."""
    rows = [[
        'sample', 'image', 'network', 'joint', 'x', 'y', 'score', 'label_x',
        'label_y', 'error_px'
    ]]
    for i, truth in enumerate(found.truths):
        image = osp.basename(truth.info['img_path'])
        labels = np.where(truth.visible[:, None], truth.keypoints, np.nan)
        for name, poses in found.poses.items():
            cells = np.concatenate(
                (poses[i], labels, found.errors[name][i, :, None]), 1)
            rows += [[i, image, name, joint, *row]
                     for joint, row in zip(found.joints, cells.tolist())]
    return csv_bytes(rows, 7)


# ------------------------------------------------------------------ frames


def add_frames(page: Page, found: Measured, selected: str, num: int) -> None:
    """The best and the worst samples with truth and prediction."""
    poses = found.poses[selected]
    relative = [
        relative_error(*pair) for pair in zip(found.truths, poses[..., :2])
    ]
    known = np.count_nonzero(~np.isnan(relative))
    # no sample is among both
    best = ranking(relative, 'best', False)[:min(num, (known + 1) // 2)]
    worst = ranking(relative, 'worst', False)[:min(num, known // 2)]
    error = found.errors[selected]
    sizes = np.array([t.bbox[2:] - t.bbox[:2] for t in found.truths])
    shape = np.median(sizes[:, 1] / np.maximum(sizes[:, 0], 1))
    cell = (WIDTH, int(np.clip(WIDTH * shape, *HEIGHTS)))

    def figure(i: int) -> str:
        truth = found.truths[i]
        image = cv2.imread(truth.info['img_path'])
        if image is None:
            raise DataError(f"image '{truth.info['img_path']}' of "
                            'val_dataloader cannot be read')
        name = osp.basename(truth.info['img_path'])
        told = f'{pixels(summarize(error[i])["mean"])} px'
        pair = ''.join(
            page.picture(
                draw_pose(image, points, shown, found.meta, truth.bbox, cell),
                f'{what} of sample {i}, {name}') for what, points, shown in (
                    ('Labels', truth.keypoints, truth.visible),
                    (f'Prediction of {selected}, {told} off', poses[i, :, :2],
                     np.ones(len(poses[i]), bool))))
        return (f'<figure><div class="pair">{pair}</div><figcaption>{told}, '
                f'{relative[i]:.3f} of the box. Sample {i}, '
                f'<code>{escape(name)}</code></figcaption></figure>')

    rows = [[
        'sample', 'image', 'network', 'mean_error_px', 'mean_error_of_box'
    ]]
    for name, of in found.poses.items():
        rows += [[
            i,
            osp.basename(truth.info['img_path']), name,
            summarize(found.errors[name][i])['mean'],
            relative_error(truth, of[i, :, :2])
        ] for i, truth in enumerate(found.truths)]
    parts = [('worst-frames', 'Worst frames'), ('best-frames', 'Best frames')]
    body = []
    for part, chosen in zip(parts, (worst, best)):
        body += [
            heading(*part),
            '<div class="frames">' + ''.join(map(figure, chosen)) + '</div>'
        ]
    page.add(
        'frames',
        'Validation frames',
        text(f'Labels on the left, the prediction of {selected} on the right, '
             'cut to the box. Ranked by the mean error of the labeled joints '
             "divided by the box's longer side; below each is that mean in "
             'pixels of the image.'),
        dots(found.joints,
             np.asarray(found.meta['keypoint_colors']).reshape(-1,
                                                               3).tolist()),
        *body,
        page.source('frames.csv', csv_bytes(rows)),
        page.source('predictions.csv', predictions_csv(found),
                    'Every joint that was predicted.'),
        headings=parts)


# ------------------------------------------------------------- reliability


def reliability(scores: np.ndarray, errors: np.ndarray,
                near: np.ndarray) -> List[dict]:
    """Errors in groups of joints with neighboring scores, of equal size.

    Args:
        scores (np.ndarray): (M,).
        errors (np.ndarray): In pixels, (M,).
        near (np.ndarray): Whether they are small for the subject, (M,).

    Returns:
        list[dict]: From the lowest scores on: ``lowest``, ``score`` (the
        mean) and ``highest``, the statistics of :func:`summarize`, and
        ``near``, the share of them.
    """
    order = np.argsort(scores, kind='stable')
    count = max(1, min(BINS, len(order) // FEWEST))
    return [
        dict(
            lowest=float(scores[part].min()),
            score=float(scores[part].mean()),
            highest=float(scores[part].max()),
            **summarize(errors[part]),
            near=float(near[part].mean()))
        for part in np.array_split(order, count) if len(part)
    ]


def add_reliability(page: Page, found: Measured, selected: str,
                    colors: Dict[str, int]) -> None:
    """Whether low scores go with large errors."""
    from scipy.stats import spearmanr
    sides = np.array([(t.bbox[2:] - t.bbox[:2]).max() for t in found.truths])
    rows, ranks = {}, {}
    for name, errors in found.errors.items():
        labeled = ~np.isnan(errors)
        scores = found.poses[name][..., 2][labeled]
        near = (errors < NEAR * sides[:, None])[labeled]
        rows[name] = reliability(scores, errors[labeled], near)
        if len(np.unique(scores)) > 1 and len(np.unique(errors[labeled])) > 1:
            ranks[name] = float(spearmanr(scores, errors[labeled])[0])
    lines = [[
        f'{row["lowest"]:.2f} to {row["highest"]:.2f}',
        str(row['values']), *(pixels(row[key]) for key in STATISTICS),
        f'{100 * row["near"]:.0f} %'
    ] for row in rows[selected]]
    told = ', '.join(f'{name} {rank:.2f}' for name, rank in ranks.items())
    page.add(
        'reliability', 'Reliability',
        text('A score that can be trusted is low where the error is large. '
             'Labeled joints are sorted by their score into groups of equal '
             'size. Near is an error below a tenth of the longer side of the '
             'box, as PCK@0.1 counts. Rank correlation of score and error '
             f'(-1 is best, 0 is no relation): {told or "not defined"}.'),
        legend({name: colors[name]
                for name in rows}), '<div class="panels">',
        *(panel(
            diagrams.lines(
                f'reliability{i}', f'{what} against the mean score of a group',
                {
                    colors[name]: ([row['score']
                                    for row in of], [row[key] for row in of])
                    for name, of in rows.items()
                }, ('score', unit), True), what)
          for i, (key, what,
                  unit) in enumerate((('median', 'Median error', 'pixels'),
                                      ('95%', '95 % quantile of the error',
                                       'pixels'),
                                      ('near', 'Share of near joints', '')))),
        '</div>',
        table(f'Score and error, {selected}', [
            'score', 'joints', *(f'error, {key}' for key in STATISTICS), 'near'
        ], lines),
        page.source(
            'reliability.csv',
            csv_bytes([[
                'network', 'rank_correlation', *next(iter(rows.values()))[0]
            ], *([name, ranks.get(name), *row.values()]
                 for name, of in rows.items() for row in of)])))
