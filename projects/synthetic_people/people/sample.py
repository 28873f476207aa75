# Copyright (c) semipose_mm authors.
"""One picture with its annotations, a pure function of its name."""
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from .appearance import draw_figure, sample_look
from .drawing import Canvas
from .scene import (add_occluders, add_seat, add_shadow, make_background,
                    photograph)
from .skeleton import (KEYPOINTS, Figure, project, sample_body, sample_pose,
                       solve)

SPLITS = ('train', 'unlabeled', 'val')


class Sample(NamedTuple):
    """A picture and what is known about it."""
    image: np.ndarray
    jpeg_quality: int
    annotations: List[Dict]
    detections: List[Dict]


def make_sample(seed: int,
                split: str,
                index: int,
                size: Tuple[int, int] = (160, 200),
                people: int = 1,
                pose: Optional[Dict] = None) -> Sample:
    """Make one picture.

    Args:
        seed (int): Seed of the data set.
        split (str): 'train', 'unlabeled' or 'val'.
        index (int): Number of the picture in its split.
        size (tuple): Width and height in pixels. Defaults to (160, 200).
        people (int): 1, or 2 for a second figure that overlaps the first.
            Defaults to 1.
        pose (dict, optional): Pose of the first figure instead of a random
            one. Defaults to None.

    Returns:
        Sample: The picture, COCO annotations without ids and detections.
    """
    sequence = np.random.SeedSequence((seed, SPLITS.index(split), index))
    scene_rng, body_rng, look_rng, place_rng, front_rng, photo_rng, box_rng, \
        other_rng = [np.random.default_rng(s) for s in sequence.spawn(8)]
    width, height = size
    image = make_background(scene_rng, width, height)
    light = scene_rng.normal(0, 1, 3) * (1, .6, .5) + (0, -.5, -1)
    canvas = Canvas(image, light / np.linalg.norm(light),
                    scene_rng.uniform(.35, .8))

    pose = sample_pose(body_rng) if pose is None else pose
    main, unit = _place(place_rng, solve(sample_body(body_rng), pose), size)
    figures = [(main, unit, look_rng, pose['family'])]
    if people == 2:
        figures.append(_place_other(other_rng, main, unit))
    nearness = [figure.points['pelvis'][2] for figure, *_ in figures]
    masks, tolerances = {}, {}
    for i in np.argsort(nearness)[::-1]:
        figure, scale, rng, family = figures[i]
        look = sample_look(rng, _color_at(image, figure))
        if rng.random() < .6:
            feet = np.stack([
                figure.points[f'{side}_heel'][:2] for side in ('left', 'right')
            ])
            add_shadow(canvas.image, feet, scale)
        if family == 'sit' and rng.random() < .8:
            add_seat(rng, canvas, figure.points['pelvis'], scale)
        canvas.silhouette[:] = False
        draw_figure(canvas, figure, look, scale)
        masks[i] = canvas.silhouette.copy()
        tolerances[i] = _tolerances(figure, look, scale)
    add_occluders(front_rng, canvas, _keypoints(main)[:, :2], unit)

    annotations = [
        _annotate(figure, masks[i], canvas.depth, tolerances[i])
        for i, (figure, *_) in enumerate(figures)
    ]
    # A second figure may lie outside the picture.
    annotations = [a for a in annotations if a]
    detections = _detect(box_rng, annotations, size)
    return Sample(*photograph(photo_rng, canvas.image), annotations,
                  detections)


def _keypoints(figure: Figure) -> np.ndarray:
    """The COCO keypoints (17, 3)."""
    return np.stack([figure.points[name] for name in KEYPOINTS])


def _scaled(figure: Figure, unit: float, shift: np.ndarray) -> Figure:
    """From body heights to pixels."""
    points = {name: p * unit + shift for name, p in figure.points.items()}
    return figure._replace(points=points)


def _place(rng: np.random.Generator, figure: Figure,
           size: Tuple[int, int]) -> Tuple[Figure, float]:
    """Choose the camera so that most of the figure is in the picture."""
    figure = project(figure, rng.uniform(3.5, 12))
    size = np.array(size, float)
    points = np.stack(list(figure.points.values()))[:, :2]
    low, high = points.min(0) - .06, points.max(0) + .06
    fit = (size / (high - low)).min()
    cropped = rng.random() < .15
    for attempt in range(20):
        close = cropped and attempt < 19
        unit = fit * (rng.uniform(1., 1.45) if close else rng.uniform(.65, 1.))
        room = size - (high - low) * unit
        # Negative room shows another part of a figure that is too large.
        part = rng.uniform(-.15, 1.15, 2) if close else rng.uniform(0, 1, 2)
        shift = part * room - low * unit
        placed = _scaled(figure, unit, np.append(shift, 0.))
        xy = _keypoints(placed)[:, :2]
        if ((xy >= 0) & (xy <= size - 1)).all(1).sum() >= 9:
            break
    return placed, unit


def _place_other(
        rng: np.random.Generator, main: Figure,
        unit: float) -> Tuple[Figure, float, np.random.Generator, str]:
    """Put a second figure beside, and before or behind, the first."""
    pose = sample_pose(rng)
    figure = project(solve(sample_body(rng), pose), rng.uniform(3.5, 12))
    unit = unit * rng.uniform(.75, 1.1)
    side, nearer = rng.choice([-1, 1]), rng.choice([-1, 1], p=[.35, .65])
    shift = main.points['pelvis'] + unit * np.array(
        [side * rng.uniform(.2, .45),
         rng.normal(0, .06), nearer])
    return _scaled(figure, unit, shift), unit, rng, pose['family']


def _color_at(image: np.ndarray, figure: Figure) -> np.ndarray:
    """Background color behind the chest."""
    height, width = image.shape[:2]
    x, y = figure.points['waist'][:2]
    return image[int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))]


def _tolerances(figure: Figure, look: Dict, unit: float) -> np.ndarray:
    """How far in front of a joint its own flesh and clothes may be."""
    body, loose = figure.body, look['loose']
    own = dict.fromkeys(('nose', 'eye', 'ear'), .55 * body['head_x'])
    own.update(
        shoulder=.1 * body['build']**.5 * loose,
        elbow=1.3 * body['elbow_r'] * loose + .012,
        wrist=1.3 * body['wrist_r'] * loose + .015,
        hip=.1 * body['build']**.5 * loose,
        knee=1.3 * body['knee_r'] * loose + .012,
        ankle=1.3 * body['ankle_r'] * loose + .015)
    if look['legwear'] == 'skirt':
        # Clothes a person wears hide nothing.
        own['knee'] += body['thigh_r'] * look['flare']
        own['hip'] += body['thigh_r'] * look['flare']
    return unit * np.array([own[name.split('_')[-1]] for name in KEYPOINTS])


def _annotate(figure: Figure, mask: np.ndarray, depth: np.ndarray,
              tolerances: np.ndarray) -> Optional[Dict]:
    """Keypoints with visibility, box and area; None if nothing is inside."""
    height, width = mask.shape
    keypoints = np.zeros((len(KEYPOINTS), 3))
    for i, (x, y, z) in enumerate(_keypoints(figure)):
        x, y = round(float(x), 2), round(float(y), 2)
        if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
            continue
        column, row = int(round(x)), int(round(y))
        patch = depth[max(row - 1, 0):row + 2, max(column - 1, 0):column + 2]
        hidden = np.median(patch) < z - tolerances[i]
        keypoints[i] = x, y, 1 if hidden else 2
    labeled = keypoints[keypoints[:, 2] > 0, :2]
    if not len(labeled) or not mask.any():
        return None
    rows, columns = np.nonzero(mask)
    extent = np.concatenate([np.stack([columns, rows], 1), labeled])
    low, high = extent.min(0), extent.max(0)
    high = np.minimum(high + 1, (width, height))
    box = [round(float(v), 2) for v in (*low, *(high - low))]
    return dict(
        keypoints=[
            int(v) if v == int(v) else float(v) for v in keypoints.ravel()
        ],
        num_keypoints=len(labeled),
        bbox=box,
        area=int(mask.sum()),
        iscrowd=0)


def _detect(rng: np.random.Generator, annotations: List[Dict],
            size: Tuple[int, int]) -> List[Dict]:
    """What a person detector would say: jittered boxes and false alarms."""
    found = []
    for annotation in annotations:
        x, y, w, h = annotation['bbox']
        flags = np.array(annotation['keypoints'][2::3])
        edges = np.array([x, y, x + w, y + h])
        edges += rng.normal(0, .025, 4) * (w, h, w, h)
        score = rng.beta(14, 1.2) * (.7 + .3 * (flags == 2).mean())
        found.append((edges, max(score, .45)))
    if rng.random() < .12:
        corner = rng.uniform(0, .7, 2)
        edges = np.append(corner, corner + rng.uniform(.15, .3, 2))
        found.append((edges * np.tile(size, 2), rng.uniform(.05, .35)))
    detections = []
    for edges, score in found:
        edges = np.clip(edges, 0, np.tile(size, 2))
        box = np.append(edges[:2], np.maximum(edges[2:] - edges[:2], 1))
        detections.append(
            dict(
                bbox=[round(float(v), 2) for v in box],
                score=round(float(score), 4)))
    return detections
