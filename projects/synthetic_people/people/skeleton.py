# Copyright (c) semipose_mm authors.
"""Body proportions, poses and forward kinematics.

Coordinates are those of the camera: x right, y down, z away from it. A person
who faces the camera looks along -z and has the left hand at +x, so left and
right stay true for every turn of the body. The unit is the body height.
"""
from typing import Dict, NamedTuple

import numpy as np

KEYPOINTS = ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear',
             'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
             'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee',
             'right_knee', 'left_ankle', 'right_ankle')
SIDES = (('left', 1), ('right', -1))

# Points of the head in units of its three radii.
FACE = dict(
    nose=(0, .12, -1.1),
    left_eye=(.36, -.1, -.87),
    right_eye=(-.36, -.1, -.87),
    left_ear=(1., .05, .08),
    right_ear=(-1., .05, .08))

# Degrees, each drawn uniformly; those of limbs are drawn for both sides.
DEFAULTS = dict(
    roll=(-25, 25), pitch=(-6, 18), tilt=(-3, 6),
    spine_bend=(-6, 14), spine_side=(-8, 8), spine_twist=(-18, 18),
    head_nod=(-12, 22), head_turn=(-40, 40),
    head_tilt=(-14, 14))  # yapf: disable
LIMB_DEFAULTS = dict(
    shoulder_flex=(-18, 22), shoulder_abd=(3, 22), shoulder_rot=(-20, 45),
    elbow=(2, 45), hip_flex=(-8, 12), hip_abd=(0, 10), hip_rot=(-25, 8),
    knee=(0, 14), ankle=(-8, 15))  # yapf: disable

# weight: share of the pictures; body: ranges of the trunk; both: ranges of
# both sides; one: further ranges of one side drawn at random; stride: a swing
# of legs and arms in opposite phases.
FAMILIES = dict(
    stand=dict(weight=.06),
    walk=dict(weight=.12, stride=(14, 38), both=dict(elbow=(5, 60))),
    run=dict(
        weight=.1, stride=(35, 60), body=dict(tilt=(5, 22)),
        both=dict(elbow=(60, 110), knee=(10, 40)),
        one=dict(knee=(60, 115))),
    reach=dict(
        weight=.24, body=dict(spine_side=(-16, 16)),
        both=dict(elbow=(0, 80)),
        one=dict(shoulder_flex=(20, 165), shoulder_abd=(5, 60))),
    spread=dict(
        weight=.18,
        both=dict(shoulder_abd=(50, 160), shoulder_rot=(-110, 30),
                  elbow=(0, 100), hip_abd=(5, 38))),
    sit=dict(
        weight=.11, body=dict(spine_bend=(-5, 30), pitch=(0, 25)),
        both=dict(shoulder_flex=(0, 60), elbow=(15, 100), hip_flex=(70, 98),
                  hip_abd=(-4, 22), knee=(60, 112))),
    bend=dict(
        weight=.08, body=dict(tilt=(15, 60), spine_bend=(15, 55)),
        both=dict(shoulder_flex=(20, 110), elbow=(0, 60), knee=(0, 45))),
    squat=dict(
        weight=.05, body=dict(tilt=(10, 40), spine_bend=(5, 30)),
        both=dict(shoulder_flex=(20, 100), elbow=(0, 90), hip_flex=(50, 105),
                  hip_abd=(5, 35), knee=(80, 130))),
    cross=dict(
        weight=.05,
        both=dict(shoulder_flex=(12, 45), shoulder_abd=(0, 14),
                  shoulder_rot=(50, 85), elbow=(75, 115),
                  hip_abd=(-11, 0))),
    akimbo=dict(
        weight=.04,
        both=dict(shoulder_flex=(-25, 0), shoulder_abd=(35, 60),
                  shoulder_rot=(55, 85), elbow=(75, 115))),
)  # yapf: disable


class Figure(NamedTuple):
    """A posed body: named points and frames, and the proportions."""
    points: Dict[str, np.ndarray]
    frames: Dict[str, np.ndarray]
    body: Dict[str, float]


def sample_body(rng: np.random.Generator) -> Dict[str, float]:
    """Proportions in body heights; ``*_r`` are radii."""

    def about(value: float, spread: float = .08) -> float:
        return value * rng.uniform(1 - spread, 1 + spread)

    child = rng.random() < .15
    build = rng.uniform(.8, 1.35)
    head = about(.075, .1) * (1.25 if child else 1.)
    limb = .9 if child else 1.
    return dict(
        build=build,
        head_x=head * rng.uniform(.72, .84),
        head_y=head,
        head_z=head * rng.uniform(.82, .94),
        neck=about(.045, .2),
        waist=about(.09),
        trunk=about(.21),
        shoulder=about(.1, .12) * build**.4,
        hip=about(.056, .12) * build**.4,
        upper_arm=about(.165) * limb,
        forearm=about(.145) * limb,
        hand=about(.075),
        thigh=about(.235) * limb,
        shin=about(.23) * limb,
        foot=about(.095),
        shoulder_r=about(.031) * build**.8,
        elbow_r=about(.025) * build**.8,
        wrist_r=about(.019) * build**.5,
        thigh_r=about(.056) * build,
        knee_r=about(.037) * build,
        ankle_r=about(.024) * build**.5)


def rest_pose(yaw: float = 0.) -> Dict[str, object]:
    """Standing straight with hanging arms.

    Args:
        yaw (float): Turn of the body in degrees; 0 faces the camera, 180
            shows the back. Defaults to 0.
    """
    pose = {name: 0. for name in DEFAULTS}
    pose.update({name: (0., 0.) for name in LIMB_DEFAULTS})
    pose.update(yaw=yaw, shoulder_abd=(8., 8.), family='rest')
    return pose


def sample_pose(rng: np.random.Generator) -> Dict[str, object]:
    """Angles in degrees; those of limbs as (left, right)."""
    names = list(FAMILIES)
    weights = np.array([FAMILIES[name]['weight'] for name in names])
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    family = FAMILIES[name]
    pose = {
        key: rng.uniform(*limits)
        for key, limits in {
            **DEFAULTS,
            **family.get('body', {})
        }.items()
    }
    kind = rng.random()
    if kind < .76:
        pose['yaw'] = rng.uniform(-45, 45)
    elif kind < .88:
        pose['yaw'] = rng.uniform(145, 215)
    else:
        pose['yaw'] = rng.uniform(0, 360)
    if rng.random() < .12:
        pose['roll'] = rng.uniform(-85, 85)

    chosen = rng.integers(2)
    for key, limits in {**LIMB_DEFAULTS, **family.get('both', {})}.items():
        pair = rng.uniform(*limits, size=2)
        if key in family.get('one', {}):
            pair[chosen] = rng.uniform(*family['one'][key])
        # People often hold both limbs of a pair alike.
        if rng.random() < .3 and key not in family.get('one', {}):
            pair[1 - chosen] = .8 * pair[chosen] + .2 * pair[1 - chosen]
        pose[key] = pair
    if 'stride' in family:
        swing = rng.uniform(*family['stride']) * np.array([1, -1])
        swing = swing if chosen else -swing
        pose['hip_flex'] = pose['hip_flex'] + swing
        pose['shoulder_flex'] = pose['shoulder_flex'] - swing
        pose['knee'] = pose['knee'] + np.maximum(-swing, 0) * .8
    pose['family'] = name
    return pose


def _rotation(axis: int, degrees: float) -> np.ndarray:
    """Rotation matrix about one axis of the coordinate system."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = ((1, 2), (2, 0), (0, 1))[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cos
    matrix[i, j], matrix[j, i] = -sin, sin
    return matrix


def _turn(x: float = 0., y: float = 0., z: float = 0.) -> np.ndarray:
    """Turn about y, then x, then z in the frame of the parent."""
    return _rotation(1, y) @ _rotation(0, x) @ _rotation(2, z)


def solve(body: Dict[str, float], pose: Dict[str, object]) -> Figure:
    """Forward kinematics; the pelvis is the origin."""
    down = np.array([0., 1., 0.])
    root = _rotation(0, pose['pitch']) @ _rotation(2, pose['roll'])
    root = root @ _turn(y=pose['yaw'])
    pelvis = root @ _turn(x=pose['tilt'])
    chest = pelvis @ _turn(pose['spine_bend'], pose['spine_twist'],
                           pose['spine_side'])
    lift = .35 * (pose['tilt'] + pose['spine_bend'])
    head = chest @ _turn(pose['head_nod'] - lift, pose['head_turn'],
                         pose['head_tilt'])
    frames = dict(pelvis=pelvis, chest=chest, head=head)
    points = dict(pelvis=np.zeros(3))
    points['waist'] = pelvis @ (-body['waist'] * down)
    points['neck'] = points['waist'] - chest @ (body['trunk'] * down)
    skull = points['neck'] - chest @ (body['neck'] * down)
    points['head'] = skull - head @ (.85 * body['head_y'] * down)
    radii = np.array([body['head_x'], body['head_y'], body['head_z']])
    for name, offset in FACE.items():
        points[name] = points['head'] + head @ (radii * offset)

    for i, (name, side) in enumerate(SIDES):
        angle = {key: pose[key][i] for key in LIMB_DEFAULTS}
        shoulder = points['neck'] + chest @ np.array(
            [side * body['shoulder'], .025, 0.])
        upper = chest @ _rotation(0, -angle['shoulder_flex']) @ _rotation(
            2, -side * angle['shoulder_abd']) @ _rotation(
                1, side * angle['shoulder_rot'])
        lower = upper @ _rotation(0, -angle['elbow'])
        elbow = shoulder + upper @ (body['upper_arm'] * down)
        wrist = elbow + lower @ (body['forearm'] * down)
        hand = wrist + lower @ (body['hand'] * down)
        # Legs hang from the untilted root: flexion is against the vertical.
        hip = pelvis @ np.array([side * body['hip'], .01, 0.])
        thigh = root @ _rotation(0, -angle['hip_flex']) @ _rotation(
            2, -side * angle['hip_abd']) @ _rotation(1,
                                                     side * angle['hip_rot'])
        shin = thigh @ _rotation(0, angle['knee'])
        knee = hip + thigh @ (body['thigh'] * down)
        ankle = knee + shin @ (body['shin'] * down)
        sole = shin @ _rotation(0, angle['ankle'])
        toe = ankle + sole @ (body['foot'] * np.array([0., .3, -.95]))
        heel = ankle + sole @ (body['foot'] * np.array([0., .3, .12]))
        for part, point in dict(
                shoulder=shoulder, elbow=elbow, wrist=wrist, hand=hand,
                hip=hip, knee=knee, ankle=ankle, toe=toe,
                heel=heel).items():  # yapf: disable
            points[f'{name}_{part}'] = point
    return Figure(points, frames, body)


def project(figure: Figure, distance: float) -> Figure:
    """Perspective of a camera that many body heights away.

    Args:
        figure (Figure): The posed body.
        distance (float): From the camera to the pelvis, in body heights.

    Returns:
        Figure: The same with x and y of the points projected; z stays.
    """
    points = {}
    for name, point in figure.points.items():
        ratio = distance / (distance + point[2])
        points[name] = point * (ratio, ratio, 1.)
    return figure._replace(points=points)
