# Copyright (c) semipose_mm authors.
"""The labeled data: what is usable, where images lie, what validates."""
import copy
import json
import os
import os.path as osp
from typing import Dict, List, NamedTuple, Sequence, Set, Tuple

from semipose_mm.data_files.coco_files import JsonFile, name_some, read_json
from semipose_mm.subsets.selection import (Instance, order_instances,
                                           usable_instances)
from .faults import ConfigFault

#: Share of the labeled images that validate where no others do.
VAL_SHARE = 0.2


class Part(NamedTuple):
    """Labeled instances for training or for validation.

    Attributes:
        ann_file (str): The annotation file, as the config names it.
        images (str): Folder of its images.
        num (int): Usable instances.
        num_images (int): Their images.
        scored (bool): Whether it has what ``CocoMetric`` needs.
    """
    ann_file: str
    images: str
    num: int
    num_images: int
    scored: bool


def read_labels(path: str, option: str) -> Tuple[JsonFile, List[Instance]]:
    """Read an annotation file and its usable instances.

    Args:
        path (str): File in COCO's keypoint format.
        option (str): The option that names it, for messages.

    Returns:
        tuple[JsonFile, list[Instance]]: The file and the instances.

    Raises:
        ConfigFault: If nothing in it is usable.
        FileFault: If it is of another format.
    """
    source = read_json(path)
    usable = usable_instances(source.content, path)
    if not usable.instances:
        reasons = ', '.join(f'{n} {why}' for why, n in usable.left_out.items())
        raise ConfigFault(f'{option} {path} has no usable instance '
                          f'({reasons or "no annotations"})')
    return source, usable.instances


def find_images(path: str, entries: Sequence[dict],
                given: Sequence[str]) -> str:
    """Find the folder that the file names of a list are relative to.

    Args:
        path (str): The file with the list.
        entries (list[dict]): Its ``images``.
        given (list[str]): Folders to look at before those near the file.

    Returns:
        str: Absolute path, with a slash at its end.

    Raises:
        ConfigFault: If there is no such folder.
    """
    names = [str(one.get('file_name')) for one in entries]
    # a few, spread over the list, tell a folder
    names = names[::max(1, len(names) // 20)]
    near = osp.dirname(osp.abspath(path))
    places = [
        *map(osp.abspath, given), *_folders(near),
        *_folders(osp.dirname(near))
    ]
    for place in places:
        if all(osp.isfile(osp.join(place, name)) for name in names):
            return osp.join(place, '')
    raise ConfigFault(
        f'the images of {path}, such as {names[0]}, lie in none of '
        f'{name_some(places, 6)}: name their folder by --images')


def _folders(folder: str) -> List[str]:
    """A folder, those in it, and those in its ``images``."""
    found = [folder]
    for place in (folder, osp.join(folder, 'images')):
        if osp.isdir(place):
            found += sorted(
                one.path for one in os.scandir(place)
                if one.is_dir() and one.name[0] != '.')
    return found


def describe_part(ann_file: str, source: JsonFile,
                  instances: Sequence[Instance], images: str) -> Part:
    """Sum up a part of the labels.

    Args:
        ann_file (str): How the config names the file.
        source (JsonFile): The file, or that from which it is made.
        instances (list[Instance]): Usable instances of the part.
        images (str): Folder of the images.

    Returns:
        Part: The part.
    """
    used = {one.id for one in instances}
    scored = all('area' in one and 'num_keypoints' in one
                 for one in source.content['annotations']
                 if one.get('id') in used)
    return Part(ann_file, images, len(instances),
                len({one.image_id
                     for one in instances}), scored)


def split_by_image(source: JsonFile, instances: Sequence[Instance],
                   seed: int) -> Dict[str, List[Instance]]:
    """Draw images for validation; the same ones for a seed on any machine.

    Args:
        source (JsonFile): The annotation file.
        instances (list[Instance]): Its usable instances.
        seed (int): Seed of the draw.

    Returns:
        dict: Instances of ``train`` and ``val``.

    Raises:
        ConfigFault: If all instances are on one image.
    """
    drawn = order_instances(instances, 'random', seed, 'image')
    images = list(dict.fromkeys(one.image_id for one in drawn))
    if len(images) < 2:
        raise ConfigFault(f'--labeled {source.path} has instances on one '
                          'image alone, of which none can be kept for '
                          'validation: name other labels by --val')
    val = set(images[:max(1, round(VAL_SHARE * len(images)))])
    return dict(
        train=[one for one in instances if one.image_id not in val],
        val=[one for one in instances if one.image_id in val])


def part_content(source: JsonFile, instances: Sequence[Instance]) -> bytes:
    """A file with the images of some instances, and all that is on them.

    Args:
        source (JsonFile): The annotation file.
        instances (list[Instance]): The instances.

    Returns:
        bytes: A json file.
    """
    images = {one.image_id for one in instances}
    content = copy.copy(source.content)
    for field, key in (('images', 'id'), ('annotations', 'image_id')):
        content[field] = [
            one for one in content[field] if one.get(key) in images
        ]
    return json.dumps(content).encode()


def image_paths(source: JsonFile, instances: Sequence[Instance],
                folder: str) -> Set[str]:
    """Real paths of the images of some instances.

    Args:
        source (JsonFile): Their annotation file.
        instances (list[Instance]): The instances.
        folder (str): Folder of the images.
    """
    used = {one.image_id for one in instances}
    return {
        osp.realpath(osp.join(folder, one['file_name']))
        for one in source.content['images'] if one.get('id') in used
    }


def check_same_keypoints(train: JsonFile, val: JsonFile, num: int) -> None:
    """Refuse a validation set with other keypoints.

    Args:
        train (JsonFile): The labels.
        val (JsonFile): The annotations for validation.
        num (int): Number of keypoints of the labels.

    Raises:
        ConfigFault: If their number differs.
    """
    for index, one in enumerate(val.content['annotations']):
        values = one.get('keypoints')
        if isinstance(values, list) and len(values) != 3 * num:
            raise ConfigFault(
                f'--val {val.path}, annotations[{index}] has '
                f'{len(values) // 3} keypoints, but those of {train.path} '
                f'have {num}')
