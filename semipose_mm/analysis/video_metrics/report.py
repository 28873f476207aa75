# Copyright (c) semipose_mm authors.
"""Measures of predictions become csv files, a table and pictures."""
import os.path as osp
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.labels import read_labels
from semipose_mm.evaluation.distances import STATISTICS, summarize
from semipose_mm.files import csv_bytes, whole_files, write_all
from .measures import (PoseSpace, disagreement, jumps, pose_space,
                       second_differences)
from .tables import Poses, aligned, read_poses

#: Names of the measures, and what their values are.
UNITS = dict(
    jump='px',
    second_difference='px',
    likelihood='',
    disagreement='px',
    pose_error='px')


class Measured(NamedTuple):
    """The measures of a network.

    Args:
        name (str): What it is called.
        poses (Poses): Its predictions.
        values (dict[str, np.ndarray]): Each measure, (N, K).
    """

    name: str
    poses: Poses
    values: Dict[str, np.ndarray]


def read_models(files: Sequence[str]) -> Dict[str, List[Poses]]:
    """Read predictions, sorted by models.

    Args:
        files (Sequence[str]): ``FILE`` or ``NAME=FILE``. Files with the same
            name, and scorers of one file, are networks of one model.

    Returns:
        dict[str, list[Poses]]: All with the same frames and joints.

    Raises:
        DataError: If one cannot be read, or they do not fit each other.
    """
    names, poses = [], []
    for given in files:
        name, separator, path = given.partition('=')
        if not separator or osp.exists(given):
            name, path = osp.splitext(osp.basename(given))[0], given
        for one in read_poses(path):
            names.append(name)
            poses.append(one)
    found: Dict[str, List[Poses]] = {}
    for name, one in zip(names, aligned(poses)):
        found.setdefault(name, []).append(one)
    return found


def read_space(path: str, joints: Sequence[str],
               findings: Findings) -> Tuple[PoseSpace, str]:
    """Find the space of the poses of a file of labels.

    Args:
        path (str): Labels in COCO's format.
        joints (Sequence[str]): Names of the joints that are predicted.
        findings (Findings): Learns what is doubtful.

    Returns:
        tuple: The space, and what it is made of in words.

    Raises:
        DataError: If the labels have other joints, or are too few.
    """
    labels = read_labels(path, '--labels', findings)
    missing = [one for one in joints if one not in labels.names]
    if missing:
        raise DataError(f"{labels.where} has no joint '{missing[0]}', which "
                        f'is predicted, but {", ".join(labels.names)}')
    _, keypoints, sizes = labels.arrays(labels.used())
    known = np.unique(sizes[~np.isnan(sizes[:, 0])], axis=0)
    if len(known) > 1:
        findings.warn(
            'sizes of images', labels.where,
            f'has images of {len(known)} sizes: distances to its poses mean '
            'something if all show the same place as the video does')
    order = [labels.names.index(one) for one in joints]
    space = pose_space(keypoints[:, order], labels.where)
    return space, (f'pose_error: distance to the {len(space.components)} '
                   f'components of {space.poses} labeled poses of '
                   f'{len(space.joints)} joints')


def measure(models: Dict[str, List[Poses]],
            space: Optional[PoseSpace] = None) -> List[Measured]:
    """Measure the networks of all models.

    Args:
        models (dict[str, list[Poses]]): Their predictions.
        space (PoseSpace, optional): That of the labels. Defaults to None.

    Returns:
        list[Measured]: One a network.
    """
    found = []
    for model, networks in models.items():
        for i, one in enumerate(networks):
            values = dict(
                jump=jumps(one.points, one.frames),
                second_difference=second_differences(one.points, one.frames),
                likelihood=one.scores)
            if len(networks) > 1:
                values['disagreement'] = disagreement(
                    [other.points for other in networks])
            if space is not None:
                values['pose_error'] = space.errors(one.points)
            scorers = [other.scorer for other in networks]
            own = one.scorer if scorers.count(one.scorer) == 1 else str(i)
            name = f'{model}/{own}' if len(networks) > 1 else model
            found.append(Measured(name, one, values))
    return found


def summary(networks: Sequence[Measured], score_thr: float) -> List[dict]:
    """Rows of the summary, of all joints and of each.

    Args:
        networks (Sequence[Measured]): The networks.
        score_thr (float): Likelihoods below it are low.

    Returns:
        list[dict]: With ``network``, ``joint`` (``'all'`` for all of them),
        ``measure``, ``unit``, the statistics, ``values`` (their number) and,
        for likelihoods, ``low``, the share below ``score_thr``.
    """
    rows = []
    for one in networks:
        for name, values in one.values.items():
            for i, joint in enumerate(['all', *one.poses.joints]):
                part = values if not i else values[:, i - 1]
                row = dict(
                    network=one.name,
                    joint=joint,
                    measure=name,
                    unit=UNITS[name],
                    **summarize(part),
                    low='')
                if name == 'likelihood' and row['values']:
                    row['low'] = float(
                        (part < score_thr).sum() / row['values'])
                rows.append(row)
    return rows


def table(rows: Sequence[dict]) -> str:
    """The summary of all joints in columns, a line a network and measure."""
    lines = [['network', 'measure', *STATISTICS]]
    for row in rows:
        if row['joint'] == 'all':
            unit = f', {row["unit"]}' if row['unit'] else ''
            lines.append([
                row['network'], row['measure'] + unit,
                *(f'{row[key]:.3g}' for key in STATISTICS)
            ])
    widths = [max(map(len, column)) for column in zip(*lines)]
    return '\n'.join('  '.join(
        cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)


def values_csv(one: Measured) -> bytes:
    """All measures of a network, a row for each frame and joint."""
    rows: List[Sequence[Any]] = [['frame', 'joint', 'x', 'y', *one.values]]
    columns = np.concatenate(
        (one.poses.points, np.stack(list(one.values.values()), 2)),
        2).tolist()
    for frame, joints in zip(one.poses.frames.tolist(), columns):
        rows += [[frame, name, *cells]
                 for name, cells in zip(one.poses.joints, joints)]
    return csv_bytes(rows)


def write_report(out: str, networks: Sequence[Measured],
                 score_thr: float) -> Tuple[str, List[str]]:
    """Write what was measured.

    Args:
        out (str): The folder.
        networks (Sequence[Measured]): The networks.
        score_thr (float): Likelihoods below it are low.

    Returns:
        tuple: The table of the summary, and the names of the files.

    Raises:
        DataError: If two networks would have one file.
        OSError: If a file cannot be written.
    """
    rows = summary(networks, score_thr)
    files = {
        'summary.csv':
        csv_bytes([list(rows[0]), *(row.values() for row in rows)])
    }
    for one in networks:
        name = re.sub(r'[^\w.-]+', '_', one.name)
        if f'values_{name}.csv' in files:
            raise DataError(f"two networks are called '{name}': name the "
                            'files by NAME=FILE')
        files[f'values_{name}.csv'] = values_csv(one)
    write_all({osp.join(out, name): text for name, text in files.items()})
    pictures = dict(frames=_plot_frames, joints=_plot_joints)
    for name, draw in pictures.items():
        with whole_files(osp.join(out, f'{name}.png')) as (part, ):
            draw(networks, part)
    return table(rows), [*files, *(f'{name}.png' for name in pictures)]


def _panels(networks: Sequence[Measured], width: float) -> tuple:
    """A figure with a panel for each measure that a network has."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    names = [
        name for name in UNITS if any(name in one.values for one in networks)
    ]
    figure, axes = plt.subplots(
        len(names), 1, figsize=(width, 2.2 * len(names)), squeeze=False)
    for name, axis in zip(names, axes[:, 0]):
        axis.set_ylabel(f'{name}\n{UNITS[name]}'.strip(), fontsize=8)
        axis.grid(alpha=0.3)
    return plt, figure, dict(zip(names, axes[:, 0]))


def _finish(plt: Any, figure: Any, axes: Dict[str, Any], path: str) -> None:
    next(iter(axes.values())).legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _plot_frames(networks: Sequence[Measured], path: str) -> None:
    """Mean over the joints of each measure against frames."""
    plt, figure, axes = _panels(networks, 10)
    for name, axis in axes.items():
        for one in networks:
            if name in one.values:
                known = ~np.isnan(one.values[name])
                sums = np.where(known, one.values[name], 0).sum(1)
                counts = known.sum(1)
                mean = np.where(counts, sums / np.maximum(counts, 1), np.nan)
                axis.plot(
                    one.poses.frames, mean, linewidth=0.8, label=one.name)
        axis.set_xlabel('frame', fontsize=8)
    _finish(plt, figure, axes, path)


def _plot_joints(networks: Sequence[Measured], path: str) -> None:
    """Median of each measure by joint, with a line up to 95 %."""
    joints = networks[0].poses.joints
    plt, figure, axes = _panels(networks, max(6, 0.5 * len(joints) + 2))
    for name, axis in axes.items():
        for i, one in enumerate(networks):
            if name not in one.values:
                continue
            rows = [summarize(column) for column in one.values[name].T]
            low = np.array([row['median'] for row in rows])
            high = np.array([row['95%'] for row in rows])
            places = np.arange(len(joints)) + 0.12 * (
                i - (len(networks) - 1) / 2)
            axis.errorbar(
                places,
                low, [0 * low, high - low],
                fmt='o',
                markersize=4,
                label=one.name)
        axis.set_xticks(
            range(len(joints)),
            joints,
            rotation=45,
            fontsize=7,
            ha='right',
            rotation_mode='anchor')
    _finish(plt, figure, axes, path)
