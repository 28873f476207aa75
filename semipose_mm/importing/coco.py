# Copyright (c) semipose_mm authors.
"""COCO keypoints, by the house's own reading of labels."""
import os.path as osp
from typing import Any, Dict, Sequence

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.image_folders import Wanted, find_image_folder
from semipose_mm.data_files.images import read_images
from semipose_mm.data_files.labels import labels_of
from semipose_mm.data_files.labels.joints import extent
from semipose_mm.data_files.numbers import are_numbers
from .source import Pairs, Source


def read_coco(path: str, content: Any, images: Sequence[str],
              findings: Findings) -> Source:
    """Read labels in COCO's keypoint format.

    Boxes of the file are not taken, as one rule makes all of them.

    Args:
        path (str): The file.
        content (Any): Its content.
        images (Sequence[str]): Folders of ``--images``.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        Source: The labels; entries of an image may have ``video`` and
        ``frame``, its name and number there.

    Raises:
        DataError: If the labels are not of one set of named joints.
    """
    where = f"SOURCE '{path}'"
    listed = read_images(content, where, '', findings)
    scored = sum(
        isinstance(one, dict) and 'keypoint_scores' in one
        and not one.get('keypoint_weights')  # pseudo-labels say what they are
        for one in content.get('annotations') or ())
    if scored:
        findings.warn(
            'predictions',
            where, f'has {scored} annotations with keypoint_scores: they are '
            'predictions, and taken as labels',
            advice='Correct them first, if nobody has')
    wanted = Wanted(path, where, [one.name for one in listed.values()],
                    [one.size for one in listed.values()], '--images')
    if not listed:
        raise DataError(f'{where} lists no images')
    folder = find_image_folder(wanted, images[0] if len(images) == 1 else None,
                               images, findings)
    assert folder is not None  # findings raise
    for one in content.get('annotations') or ():
        if isinstance(one, dict) and not one.get('bbox') and are_numbers(
                one.get('keypoints')):  # none is needed here
            (x, y), size = _corner(one['keypoints']), extent(one['keypoints'])
            one['bbox'] = [x, y, *(max(side, 1.) for side in size)]
    labels = labels_of(content, where, findings, folder=folder)
    used = {
        one.category_id
        for one in labels.entries if one.keypoints and one.num_keypoints
    }
    categories = [one for one in labels.categories if one.get('id') in used]
    sets = {tuple(one.get('keypoints') or ()) for one in categories}
    if len(sets) != 1 or sets == {()} or len(categories) < len(used):
        raise DataError(f"{where}, categories must have the same 'keypoints', "
                        'the names of the joints, for all that are labeled')
    names = list(map(str, sets.pop()))
    first = categories[0]
    source = Source(
        path,
        'COCO keypoints',
        names,
        _named(first.get('skeleton'), names),
        category=str(first.get('name') or 'animal'),
        files=[path])
    if first.get('flip_pairs') is not None:
        source.flip_pairs = _named(first['flip_pairs'], names)
    people: Dict[Any, list] = {}
    weights: Dict[Any, list] = {}
    for one in labels.entries:
        if one.crowd or not one.keypoints:
            source.left_out['crowds and annotations without keypoints'] += 1
        elif one.image_id in listed:
            people.setdefault(one.image_id, []).append(_clean(one.keypoints))
            weights.setdefault(one.image_id, []).append(one.weights)
    told = {one['id']: one for one in content['images']}
    for key, image in labels.images.items():
        entry = told[key]
        number = entry.get('frame')
        known = dict(
            video=str(entry.get('video') or ''),
            number=number if type(number) is int else None,
            weights=weights.get(key, []))
        if entry.get('sha256'):  # written by us
            known.update(
                digest=entry['sha256'],
                size=(int(entry['width']), int(entry['height'])))
        source.add(people.get(key, []), osp.join(folder, image.name), **known)
    return source


def _corner(keypoints: Sequence[float]) -> tuple:
    """The upper left corner of what labeled joints span."""
    labeled = [(x, y) for x, y, flag in zip(keypoints[0::3], keypoints[1::3],
                                            keypoints[2::3]) if flag > 0]
    return tuple(map(min, zip(*labeled))) if labeled else (0., 0.)


def _clean(keypoints: Sequence[float]) -> list:
    """Joints that are not labeled have no place."""
    return [
        value for i in range(0, len(keypoints), 3)
        for value in (keypoints[i:i + 3] if keypoints[i + 2] else (0., 0., 0))
    ]


def _named(pairs: Any, names: Sequence[str]) -> Pairs:
    """Pairs of names, of names or of numbers from 1; others are dropped."""
    found = []
    for pair in pairs if isinstance(pairs, list) else ():
        ends = [
            names[one -
                  1] if type(one) is int and 0 < one <= len(names) else one
            for one in pair
        ] if isinstance(pair, list) else []
        if len(ends) == 2 and set(ends) <= set(names):
            found.append((ends[0], ends[1]))
    return found
