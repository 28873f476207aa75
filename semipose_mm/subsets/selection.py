# Copyright (c) semipose_mm authors.
"""Which annotated instances can be labels, and in which order they come.

An instance is usable if the released code of PoseDual and MMPose both
take it. Both go through the images in the order of the file's list, and
through the annotations of an image in the order of the file. The rules
differ in rare cases only, which docs/data.md lists.
"""
import hashlib
import json
from collections import Counter
from typing import (Any, Collection, Dict, List, NamedTuple, Optional,
                    Sequence, Set)

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.labels import labels_of
from semipose_mm.data_files.text import entries_of

PROTOCOLS = ('first', 'random')
#: Why an instance that MMPose uses is none of the released code's.
SLIVER = 'whose box begins at the edge of its image'


class Instance(NamedTuple):
    """A usable instance.

    Args:
        id (int | str): Id of the annotation.
        image_id (int | str): Id of its image.
        joints (int): Number of joints with visibility above 0.
    """

    id: Any
    image_id: Any
    joints: int


class Usable(NamedTuple):
    """The usable instances of a file in its order, and why others are not.

    Args:
        instances (list[Instance]): The instances.
        left_out (dict[str, int]): Number of the others by reason.
    """

    instances: List[Instance]
    left_out: Dict[str, int]


def released_uses(box: Sequence[float], size: Sequence[float]) -> bool:
    """Whether the released code of PoseDual uses an instance of MMPose.

    Args:
        box (Sequence[float]): x, y, width, height in pixels.
        size (Sequence[float]): Width and height of the image in pixels.

    Returns:
        bool: Whether something is left of its box.
    """
    return all(
        min(limit - 1,
            max(0, low) + max(0, length - 1)) >= max(0, low)
        for low, length, limit in zip(box, box[2:], size))


def category_ids(content: Any, names: Sequence[str], path: str) -> Set[Any]:
    """Find categories by their ids or names.

    Args:
        content (Any): Content of the file.
        names (Sequence[str]): Ids or names.
        path (str): The file, for the error message.

    Returns:
        set: The ids.

    Raises:
        DataError: If there is no such category.
    """
    categories = {
        entry.get('id'): entry.get('name')
        for _, entry in entries_of(content, 'categories', path, Findings())
    }
    found = set()
    for name in names:
        ids = [key for key in categories if str(key) == name
               ] or [key for key in categories if categories[key] == name]
        if not ids:
            known = ', '.join(f'{key} ({one})'
                              for key, one in categories.items())
            raise DataError(f'--category {name} is none of {path}, which has '
                            f'{known or "none"}')
        found.update(ids)
    return found


def usable_instances(content: Any,
                     path: str,
                     categories: Optional[Collection[Any]] = None,
                     findings: Optional[Findings] = None) -> Usable:
    """Find the instances that can be labels, in their order.

    Args:
        content (Any): Content of a file in COCO's keypoint format; it stays
            as it is.
        path (str): The file, for the error messages.
        categories (Collection, optional): Ids of the categories. Defaults to
            None, which means all.
        findings (Findings, optional): Learns what is doubtful. Defaults to
            None.

    Returns:
        Usable: The instances.

    Raises:
        DataError: If the file is not of that format.
    """
    if isinstance(content, dict) and isinstance(
            content.get('annotations'), list):
        # what is mended is not what a subset holds
        content = dict(
            content,
            annotations=[
                dict(one) if isinstance(one, dict) else one
                for one in content['annotations']
            ])
    labels = labels_of(content, path, findings or Findings())
    used = labels.used(categories)
    kept = [
        one for one in used
        if released_uses(one.box, labels.images[one.image_id].size)
    ]
    left_out = labels.left_out(categories)
    if len(kept) < len(used):
        left_out[SLIVER] = len(used) - len(kept)
    return Usable(
        [Instance(one.id, one.image_id, one.num_keypoints) for one in kept],
        dict(sorted(left_out.items())))


def _draw(seed: int, kind: str, key: Any) -> bytes:
    """A pseudo random number for an id, the same on every machine."""
    text = json.dumps([seed, kind, key])
    return hashlib.sha256(text.encode()).digest()


def order_instances(instances: Sequence[Instance],
                    protocol: str = 'first',
                    seed: int = 0,
                    stratify: Optional[str] = None) -> List[Instance]:
    """Order the instances, so that a subset is the beginning.

    Args:
        instances (Sequence[Instance]): The instances in the file's order.
        protocol (str): ``'first'`` keeps it, ``'random'`` shuffles it by the
            hashes of seed and ids, whatever the order in the file. Defaults
            to ``'first'``.
        seed (int): Seed of the shuffling. Defaults to 0.
        stratify (str, optional): ``'image'`` takes an instance of each image
            before a second one of any. Defaults to None.

    Returns:
        list[Instance]: The instances in their new order.
    """
    if protocol == 'first':
        return list(instances)
    drawn = sorted(instances, key=lambda i: _draw(seed, 'annotation', i.id))
    if stratify is None:
        return drawn
    rounds: Counter = Counter()
    keyed = []
    for instance in drawn:
        image = instance.image_id
        keyed.append(((rounds[image], _draw(seed, 'image', image)), instance))
        rounds[image] += 1
    return [instance for _, instance in sorted(keyed, key=lambda k: k[0])]
