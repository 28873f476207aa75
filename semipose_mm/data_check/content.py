# Copyright (c) semipose_mm authors.
"""Boxes, labels and scores, and which rows a dataset uses."""
from collections import Counter, defaultdict
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from semipose_mm.data_files.labels import unused_reason
from .findings import ERROR, NOTE, OK, WARNING, Finding, some
from .tables import Row, Table

# pixels by which a box may leave its image through rounding alone
SLACK = 0.01


def labeled_rows(table: Table,
                 sizeless: bool = False) -> Tuple[List[Row], Counter]:
    """The rows that MMPose's COCO-style datasets use, in their order.

    Args:
        table (Table): The table.
        sizeless (bool): Whether images need no size, as in MPII's json.
            Defaults to False.

    Returns:
        tuple[list[Row], Counter]: The rows, and the number of the others by
        reason.
    """
    by_image, left_out = defaultdict(list), Counter()
    for row in table.rows:
        if row.image is None or row.box is None or row.keypoints is None:
            left_out['not readable'] += 1
            continue
        size = table.images[row.image].size
        if size is None and not sizeless:
            why = 'not readable'
        else:
            why = unused_reason(row.keypoints, row.box, row.crowd, size)
        if why:
            left_out[why] += 1
        else:
            by_image[row.image].append(row)
    return [row for key in table.images for row in by_image[key]], left_out


def unlabeled_rows(table: Table,
                   category_ids: Optional[Sequence[Any]] = None,
                   score_thr: float = 0.,
                   max_per_image: Optional[int] = None,
                   keypoints_only: bool = False) -> Tuple[List[Row], Counter]:
    """The rows that ``UnlabeledPoseDataset`` uses.

    Args:
        table (Table): Annotations or detections.
        category_ids (Sequence, optional): Its option.
        score_thr (float): Its option.
        max_per_image (int, optional): Its option.
        keypoints_only (bool): Its option.

    Returns:
        tuple[list[Row], Counter]: The rows, and the number of the others by
        reason.
    """
    kept, left_out = [], Counter()
    for row in table.rows:
        if category_ids is not None and row.category not in category_ids:
            left_out['of other categories'] += 1
        elif row.crowd:
            left_out['crowd'] += 1
        elif keypoints_only and not any(row.keypoints or ()):
            left_out['without keypoints'] += 1
        elif row.image is None or row.box is None:
            left_out['not readable'] += 1
        elif not _has_area(row.box, table.images[row.image].size):
            left_out['empty in their image'] += 1
        elif not row.score >= score_thr:
            left_out['below score_thr'] += 1
        else:
            kept.append(row)
    if max_per_image is None:
        return kept, left_out
    by_image = defaultdict(list)
    for row in kept:
        by_image[row.image].append(row)
    best = set()
    for rows in by_image.values():
        best.update(
            r.index
            for r in sorted(rows, key=lambda r: -r.score)[:max_per_image])
    left_out['beyond max_per_image'] = len(kept) - len(best)
    return [row for row in kept if row.index in best], left_out


def _has_area(box: Sequence[float], size: Optional[tuple]) -> bool:
    """Whether something of a box is left after clipping it."""
    x, y, w, h = box
    if size is None:
        return w > 0 and h > 0
    return (min(max(x + w, 0), size[0] - 1) > min(max(x, 0), size[0] - 1)
            and min(max(y + h, 0), size[1] - 1) > min(max(y, 0), size[1] - 1))


def apply_indices(rows: List[Row], indices: Any) -> List[Row]:
    """Choose rows as the ``indices`` of a dataset does.

    Args:
        rows (list[Row]): The rows.
        indices (int | Sequence[int], optional): The option.

    Returns:
        list[Row]: Those that are used.
    """
    if indices is None:
        return rows
    if isinstance(indices, int):
        return rows[:indices] if indices > 0 else rows[indices:]
    return [rows[i] for i in indices if -len(rows) <= i < len(rows)]


def check_used(used: Sequence[Row], available: Sequence[Row],
               left_out: Counter, indices: Any) -> List[Finding]:
    """Report how many instances are used, and why others are not.

    Args:
        used (Sequence[Row]): The rows that are used.
        available (Sequence[Row]): The rows before ``indices`` was applied.
        left_out (Counter): Number of the others by reason.
        indices (Any): The dataset's option.

    Returns:
        list[Finding]: The findings.
    """
    reasons = ', '.join(f'{n:,} {why}' for why, n in left_out.items() if n)
    reasons = f'; left out: {reasons}' if reasons else ''
    if not used:
        return [Finding(ERROR, f'no instance can be used{reasons}')]
    images = len({row.image for row in used})
    found = [
        Finding(
            OK, f'{len(used):,} instances on {images:,} images are used'
            f'{reasons}')
    ]
    wanted = abs(indices) if isinstance(
        indices, int) else len(() if indices is None else indices)
    if wanted > len(used):
        found.append(
            Finding(
                WARNING, f'indices asks for {wanted:,} instances, but there '
                f'are {len(available):,}'))
    return found


def check_boxes(table: Table, empty: str) -> List[Finding]:
    """Check sizes and places of all boxes but those of crowds.

    Args:
        table (Table): The table.
        empty (str): Level of a box without width or height.

    Returns:
        list[Finding]: The findings.
    """
    rows = [r for r in table.rows if r.box is not None and not r.crowd]
    if not rows:
        return []
    boxes = np.array([row.box for row in rows], dtype=float)
    flat = (boxes[:, 2:] <= 0).any(axis=1)
    found = _box_finding(flat, rows, empty,
                         'boxes whose width or height is not positive')
    sizes = np.array([
        table.images[r.image].size or
        (np.nan, np.nan) if r.image is not None else (np.nan, np.nan)
        for r in rows
    ])
    ends = boxes[:, :2] + boxes[:, 2:]
    with np.errstate(invalid='ignore'):
        outside = ~flat & ((ends <= 0) | (boxes[:, :2] >= sizes)).any(axis=1)
        over = ~flat & ~outside & ((boxes[:, :2] < -SLACK) |
                                   (ends > sizes + SLACK)).any(axis=1)
    found += _box_finding(outside, rows, WARNING,
                          'boxes that lie outside of their image')
    found += _box_finding(over, rows, NOTE,
                          'boxes that reach over the edge and are clipped')
    known = int(np.isfinite(sizes).all(axis=1).sum())
    if not found:
        text = f'all {len(rows):,} boxes have a positive size'
        inside = ' and lie in their images' if known == len(rows) else ''
        found.append(Finding(OK, text + inside))
    return found


def _box_finding(mask: np.ndarray, rows: List[Row], level: str,
                 text: str) -> List[Finding]:
    """Report the boxes of a mask."""
    where = np.flatnonzero(mask)
    if not len(where):
        return []
    names = [f'entry {rows[i].index}: {rows[i].box}' for i in where[:3]]
    return [Finding(level, f'{text}: {some(len(where), names)}')]


def check_labels(table: Table, used: Sequence[Row]) -> List[Finding]:
    """Check the joints of the labels that are used.

    Args:
        table (Table): The table.
        used (Sequence[Row]): The rows that are used.

    Returns:
        list[Finding]: The findings.
    """
    blank, wrong, odd, out = [], [], [], []
    joints = slots = 0
    for row in used:
        x, y, v = row.keypoints[0::3], row.keypoints[1::3], row.keypoints[2::3]
        visible = sum(value > 0 for value in v)
        joints += visible
        slots += len(v)
        if not visible:
            blank.append(row)
        if row.declared is not None and row.declared != visible:
            wrong.append(row)
        if any(value not in (0, 1, 2) for value in v):
            odd.append(row)
        size = table.images[row.image].size
        if size and any(s > 0 and not (0 <= a <= size[0] and 0 <= b <= size[1])
                        for a, b, s in zip(x, y, v)):
            out.append(row)
    found = []
    if slots:
        found.append(
            Finding(
                OK if joints else ERROR, f'{joints:,} labeled joints, '
                f'{joints / max(len(used), 1):.1f} an instance, '
                f'{100 * joints / slots:.0f} % of the keypoints'))
    flaws = [(blank, WARNING, 'instances without a visible joint'),
             (wrong, WARNING, 'instances whose num_keypoints is not the '
              'number of visible joints'),
             (odd, WARNING, 'instances with a visibility other than 0, 1, 2'),
             (out, NOTE, 'instances with visible joints outside of the image')]
    for rows, level, text in flaws:
        if rows:
            names = [f'entry {row.index}' for row in rows[:3]]
            found.append(Finding(level, f'{text}: {some(len(rows), names)}'))
    return found


def check_scores(table: Table, used: Sequence[Row]) -> List[Finding]:
    """Report the scores of detections and how they spread over the images.

    Args:
        table (Table): The detections.
        used (Sequence[Row]): The rows that are used.

    Returns:
        list[Finding]: The findings.
    """
    scores = np.array([row.score for row in table.rows], dtype=float)
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return []
    low, quarter, median, high, top = np.percentile(scores,
                                                    (0, 25, 50, 75, 100))
    found = [
        Finding(
            OK, f'scores of {len(scores):,} detections: least {low:.3f}, '
            f'quartiles {quarter:.3f} {median:.3f} {high:.3f}, '
            f'greatest {top:.3f}')
    ]
    if low < 0 or top > 1:
        found.append(Finding(WARNING, 'scores lie outside of 0 to 1'))
    counts = Counter(row.image for row in used)
    bare = len(table.images) - len(counts)
    if counts:
        most = max(counts.values())
        found.append(
            Finding(
                OK, f'{len(used) / len(counts):.1f} boxes on an image that '
                f'has any, {most} at most'))
    if bare:
        found.append(
            Finding(
                NOTE, f'{bare:,} of {len(table.images):,} images have no '
                'used box'))
    return found
