# Copyright (c) semipose_mm authors.
"""What a person wears, and how a posed body is drawn."""
from typing import Dict

import numpy as np

from .drawing import Canvas, join, plain, random_color, random_fabric
from .skeleton import FACE, Figure

# BGR, from light to dark.
SKIN = np.float32([[196, 214, 242], [164, 190, 232], [128, 162, 214],
                   [92, 130, 190], [64, 94, 150], [40, 60, 104], [28, 40, 72]])
HAIR = np.float32([[24, 22, 22], [34, 44, 62], [44, 70, 104], [90, 150, 190],
                   [40, 70, 150], [180, 180, 184]])
# Half width and half depth of the trunk's rings before build and hips.
RINGS = dict(
    crotch=(.062, .05), hips=(.092, .066), waist=(.078, .056),
    chest=(.094, .068), shoulders=(.096, .05),
    neck=(.042, .04))  # yapf: disable
CIRCLE = np.stack([
    np.cos(np.arange(14) * np.pi / 7),
    np.zeros(14),
    np.sin(np.arange(14) * np.pi / 7)
], 1)


def sample_look(rng: np.random.Generator,
                surroundings: np.ndarray) -> Dict[str, object]:
    """Skin, hair and clothes.

    Args:
        rng (np.random.Generator): Source of the draws.
        surroundings (np.ndarray): A color of the background; one person in
            ten wears it, which hides the outline.
    """
    tone = (len(SKIN) - 1) * rng.beta(.9, 1.3)
    skin = SKIN[int(tone)] + (tone % 1) * (
        SKIN[int(tone) + 1] - SKIN[int(tone)])
    skin = np.clip(skin * rng.uniform(.92, 1.08, 3), 0, 255)
    hair = HAIR[rng.integers(len(HAIR))] * rng.uniform(.8, 1.25)
    hidden = rng.random() < .1
    top = random_fabric(rng, surroundings if hidden else None)
    suit = rng.random() < .12
    bottom = top if suit else random_fabric(rng)
    return dict(
        skin_color=skin,
        skin=plain(skin, rng),
        hair=plain(np.minimum(hair, 255), rng),
        hair_line=rng.uniform(.1, .55),
        long_hair=rng.random() < .35,
        hat=random_fabric(rng) if rng.random() < .2 else None,
        top=top,
        bottom=bottom,
        shoes=plain(random_color(rng) * .8, rng),
        sleeve=rng.choice([0., .45, .8, 1.7, 2.]),
        gloves=rng.random() < .08,
        legwear=rng.choice(['trousers', 'shorts', 'skirt'], p=[.6, .22, .18]),
        leg_cut=rng.uniform(.35, 1.2),
        flare=rng.uniform(1., 1.9),
        loose=rng.uniform(1., 1.3),
        belt=plain(random_color(rng), rng) if rng.random() < .3 else None)


def draw_figure(canvas: Canvas, figure: Figure, look: Dict[str, object],
                unit: float) -> None:
    """Draw a figure whose points are in pixels.

    Args:
        canvas (Canvas): Where to draw.
        figure (Figure): x and y in pixels, z in pixels of depth.
        look (dict): From :func:`sample_look`.
        unit (float): Pixels in a body height.
    """
    points, body = figure.points, figure.body
    loose = look['loose']

    def limb(start: str,
             end: str,
             first: float,
             last: float,
             paint,
             grow: float = 1.) -> None:
        canvas.capsule(points[start], points[end],
                       (first * grow * unit, last * grow * unit), paint, unit)

    _draw_trunk(canvas, figure, look, unit)
    for side in ('left', 'right'):
        # Sleeve and leg lengths count limb segments: 1 is elbow or knee.
        upper = _clothed(look['top'], look['skin'], look['sleeve'],
                         body['upper_arm'])
        lower = _clothed(look['top'], look['skin'], look['sleeve'] - 1,
                         body['forearm'])
        limb(f'{side}_shoulder', f'{side}_elbow', body['shoulder_r'],
             body['elbow_r'], upper, loose if look['sleeve'] else 1.)
        limb(f'{side}_elbow', f'{side}_wrist', body['elbow_r'],
             body['wrist_r'], lower, loose if look['sleeve'] > 1 else 1.)
        hand = look['shoes'] if look['gloves'] else look['skin']
        limb(f'{side}_wrist', f'{side}_hand', body['wrist_r'] * .95,
             body['wrist_r'] * .7, hand)

        cut = dict(trousers=1.95, skirt=0.)
        cut = cut.get(look['legwear'], look['leg_cut'])
        grow = 1 + .5 * (loose - 1) if cut else 1.
        limb(f'{side}_hip', f'{side}_knee', body['thigh_r'], body['knee_r'],
             _clothed(look['bottom'], look['skin'], cut, body['thigh']), grow)
        limb(f'{side}_knee', f'{side}_ankle', body['knee_r'], body['ankle_r'],
             _clothed(look['bottom'], look['skin'], cut - 1, body['shin']),
             grow if cut > 1 else 1.)
        limb(f'{side}_heel', f'{side}_toe', body['ankle_r'] * .9,
             body['ankle_r'] * .65, look['shoes'])
    limb('neck', 'head', body['head_x'] * .62, body['head_x'] * .62,
         look['skin'])
    _draw_head(canvas, figure, look, unit)


def _clothed(cloth, skin, cut: float, length: float):
    """Cloth over the first ``cut`` of a limb, skin over the rest."""
    if cut <= 0:
        return skin
    return cloth if cut >= 1 else join(cloth, skin, cut * length)


def _draw_trunk(canvas: Canvas, figure: Figure, look: Dict[str, object],
                unit: float) -> None:
    """Pelvis, belly, chest and shoulders, and a skirt if worn."""
    points, body, frames = figure.points, figure.body, figure.frames
    pelvis, chest = frames['pelvis'], frames['chest']
    waist, neck = points['waist'], points['neck']
    hips = (points['left_hip'] + points['right_hip']) / 2

    def ring(name: str,
             center: np.ndarray,
             frame: np.ndarray,
             width: float,
             loose: float = 1.) -> np.ndarray:
        half_width, half_depth = RINGS[name]
        size = (half_width * width * loose, 1.,
                half_depth * loose * body['build'])
        return center + CIRCLE * size @ frame.T * unit

    build = body['build']
    wide = .5 * build + .5 * body['hip'] / .056
    broad = body['shoulder'] / .1
    loose = 1 + .5 * (look['loose'] - 1)
    drop = (pelvis @ np.array([0., .06, 0.])) * unit
    rings = [
        ring('neck', neck, chest, build**.5),
        ring('shoulders', neck + (waist - neck) * .12, chest, broad, loose),
        ring('chest', neck + (waist - neck) * .4, chest,
             .5 * build + .5 * broad, loose),
        ring('waist', waist, (pelvis + chest) / 2, build, loose),
        ring('hips', hips, pelvis, wide),
        ring('crotch', hips + drop, pelvis, wide),
    ]
    fabrics = [look['top']] * 3 + [look['bottom']] * 2
    offset = 0.
    for above, below, fabric in zip(rings[:-1], rings[1:], fabrics):
        canvas.frustum(above, below, fabric, unit, offset)
        offset += np.linalg.norm((below.mean(0) - above.mean(0))[:2])
    if look['belt'] is not None:
        canvas.frustum(rings[3] + (rings[4] - rings[3]) * .1,
                       rings[3] + (rings[4] - rings[3]) * .35, look['belt'],
                       unit)
    if look['legwear'] == 'skirt':
        hems = []
        for side in ('left', 'right'):
            knee, hip = points[f'{side}_knee'], points[f'{side}_hip']
            hem = hip + (knee - hip) * min(look['leg_cut'] + .2, 1.)
            hems.append(hem + CIRCLE @ pelvis.T *
                        (body['thigh_r'] * look['flare'] * unit))
        canvas.frustum(rings[3], np.concatenate(hems), look['bottom'], unit)


def _draw_head(canvas: Canvas, figure: Figure, look: Dict[str, object],
               unit: float) -> None:
    """Skull with hair, hat, ears and a face, true from every direction."""
    points, body, frame = figure.points, figure.body, figure.frames['head']
    radii = np.array([body['head_x'], body['head_y'], body['head_z']]) * unit
    center = points['head']
    for name in ('left_ear', 'right_ear'):
        size = radii[1] * .2
        inner = points[name] + (center - points[name]) * .08
        canvas.capsule(inner, inner + frame @ (0., .1 * radii[1], 0.),
                       (size, size), look['skin'], unit)

    if look['long_hair']:
        canvas.capsule(center + frame @ (0., -.1, .25) * radii,
                       center + frame @ (0., 1.3, .55) * radii,
                       (radii[0] * .95, radii[0] * .8), look['hair'], unit)
    found = canvas.window(center[:2] - radii.max(), center[:2] + radii.max())
    if found is None:
        return
    where, x, y = found
    # Rays through the pixels meet the ellipsoid p' A p = 1.
    shape = frame @ np.diag(1 / radii**2) @ frame.T
    dx, dy = x - center[0], y - center[1]
    a = shape[2, 2]
    b = shape[0, 2] * dx + shape[1, 2] * dy
    c = (
        shape[0, 0] * dx * dx + 2 * shape[0, 1] * dx * dy +
        shape[1, 1] * dy * dy - 1)
    inside = b * b - a * c
    dz = -(b + np.sqrt(np.maximum(inside, 0))) / a
    local = np.stack(np.broadcast_arrays(dx, dy, dz), -1) @ frame / radii
    norm = np.linalg.norm(local, axis=-1)
    local = local / np.maximum(norm, 1e-6)[..., None]
    alpha = np.clip(.5 + inside / a * radii.min() / 2, 0, 1)

    flat = np.zeros_like(dz)
    color = look['skin'](flat + dy / unit, flat + dx / unit)
    left, down, back = local[..., 0], local[..., 1], local[..., 2]
    hairy = (-down > 1 - look['hair_line'] + .1 * left) | ((back > .12) &
                                                           (down < .55))
    color = np.where(hairy[..., None], look['hair'](flat + dy / unit,
                                                    flat + dx / unit), color)
    if look['hat'] is not None:
        cap = -down > .42 + .2 * back
        color = np.where(cap[..., None], look['hat'](left * .1 + .5,
                                                     down * .1 + .5), color)
    # Eyes, brows, nose and mouth: direction, angular size, color.
    skin = look['skin_color']
    marks = [(FACE['left_eye'], (.2, .12), np.float32([235, 235, 235])),
             (FACE['right_eye'], (.2, .12), np.float32([235, 235, 235])),
             (FACE['left_eye'], (.1, .12), np.float32([30, 25, 25])),
             (FACE['right_eye'], (.1, .12), np.float32([30, 25, 25])),
             ((.36, -.3, -.85), (.22, .06), skin * .35),
             ((-.36, -.3, -.85), (.22, .06), skin * .35),
             ((0., .15, -1.), (.12, .2), skin * .72),
             ((0., .52, -.85), (.27, .08), skin * (.45, .4, .65))]
    for direction, (width, height), shade in marks:
        direction = np.array(direction) / np.linalg.norm(direction)
        gap = np.hypot((left - direction[0]) / width,
                       (down - direction[1]) / height)
        weight = np.clip(1.5 - gap, 0, 1) * (back < .1)
        color = color + weight[..., None] * (shade - color)
    normal = (local / radii) @ frame.T
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    color = color * canvas.shade(normal[..., 0], normal[..., 1])[..., None]
    canvas.blend(where, alpha.astype(np.float32),
                 (center[2] + dz).astype(np.float32), color)
