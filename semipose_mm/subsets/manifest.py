# Copyright (c) semipose_mm authors.
"""Subsets of an annotation file, and the manifests that reproduce them."""
import hashlib
import json
import os.path as osp
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.numbers import is_id
from semipose_mm.data_files.text import MISSING, entries_of, show
from semipose_mm.subsets.selection import (PROTOCOLS, Instance, Usable,
                                           order_instances, usable_instances)
from semipose_mm.version import __version__
from .source import JsonFile, name_some, read_json

FORMAT = 'semipose_mm subset manifest 1'
# entry of a manifest: the types that it may have
FIELDS = dict(
    protocol=str,
    seed=(int, type(None)),
    stratify=(str, type(None)),
    categories=(list, type(None)),
    num=int,
    source=dict,
    subset=dict,
    annotation_ids=list,
    image_ids=list)


class Rule(NamedTuple):
    """How a subset is chosen.

    Args:
        protocol (str): ``'first'`` or ``'random'``.
        seed (int, optional): Seed of a random one.
        stratify (str, optional): ``'image'`` or None.
        categories (list, optional): Ids of the categories, None for all.
    """

    protocol: str = 'first'
    seed: Optional[int] = None
    stratify: Optional[str] = None
    categories: Optional[List[Any]] = None


def choose(usable: Usable, rule: Rule) -> List[Instance]:
    """Order the instances by a rule; a subset is the beginning.

    Args:
        usable (Usable): The instances.
        rule (Rule): The rule.

    Returns:
        list[Instance]: All of them, in the order of the rule.
    """
    return order_instances(usable.instances, rule.protocol, rule.seed or 0,
                           rule.stratify)


def subset_content(content: dict, chosen: Sequence[Instance]) -> dict:
    """Reduce the content of an annotation file to some instances.

    Args:
        content (dict): The whole content.
        chosen (Sequence[Instance]): The instances.

    Returns:
        dict: The same with only these annotations and their images, in the
        order of the file.
    """
    ids = {instance.id for instance in chosen}
    images = {instance.image_id for instance in chosen}
    return dict(
        content,
        images=[i for i in content['images'] if i['id'] in images],
        annotations=[a for a in content['annotations'] if a['id'] in ids])


def subset_name(source: str, rule: Rule, num: int) -> str:
    """Name the file of a subset after what is in it.

    Args:
        source (str): The annotation file.
        rule (Rule): The rule.
        num (int): Number of instances.

    Returns:
        str: Such as ``'person_keypoints_train2017_first1000.json'``.
    """
    stem = osp.splitext(osp.basename(source))[0]
    name = f'{stem}_{rule.protocol}{num}'
    if rule.protocol == 'random':
        name += f'_seed{rule.seed}'
    if rule.stratify:
        name += f'_by-{rule.stratify}'
    if rule.categories is not None:
        ids = '-'.join(map(str, rule.categories))
        # a hash in place of ids that would fill the name
        name += '_category' + (
            ids if len(ids) <= 20 else hashlib.sha256(
                ids.encode()).hexdigest()[:8])
    return name + '.json'


def make_subset(source: JsonFile, usable: Usable, ordered: Sequence[Instance],
                rule: Rule, num: int) -> Tuple[bytes, dict]:
    """Make the file of a subset and its manifest.

    Args:
        source (JsonFile): The annotation file.
        usable (Usable): Its instances.
        ordered (Sequence[Instance]): They in the order of the rule.
        rule (Rule): The rule.
        num (int): Number of instances.

    Returns:
        tuple[bytes, dict]: The content of the file, and the manifest.
    """
    chosen = ordered[:num]
    content = subset_content(source.content, chosen)
    data = (json.dumps(content) + '\n').encode()
    manifest = dict(
        format=FORMAT,
        tool='make_subset.py',
        version=__version__,
        **rule._asdict(),
        num=num,
        source=dict(
            file=osp.basename(source.path),
            sha256=source.sha256,
            images=len(source.content['images']),
            annotations=len(source.content['annotations']),
            usable=len(usable.instances),
            left_out=usable.left_out),
        subset=dict(
            file=subset_name(source.path, rule, num),
            sha256=hashlib.sha256(data).hexdigest(),
            images=len(content['images']),
            annotations=len(content['annotations']),
            labeled_joints=sum(i.joints for i in chosen)),
        annotation_ids=[i.id for i in chosen],
        image_ids=[i['id'] for i in content['images']])
    return data, manifest


def dump_manifest(manifest: dict) -> bytes:
    """Write a manifest as json, one entry a line.

    Args:
        manifest (dict): The manifest.

    Returns:
        bytes: The file.
    """
    lines = [f'"{key}": {json.dumps(v)}' for key, v in manifest.items()]
    return ('{\n' + ',\n'.join(lines) + '\n}\n').encode()


def load_manifest(path: str) -> dict:
    """Read a manifest.

    Args:
        path (str): The file.

    Returns:
        dict: The manifest.

    Raises:
        DataError: If it is none.
    """
    manifest = read_json(path).content
    found = manifest.get('format') if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise DataError(f"{path} is no manifest: its 'format' {show(found)}, "
                        f"but must be '{FORMAT}'")
    for key, types in FIELDS.items():
        if key not in manifest or not isinstance(manifest[key], types):
            raise DataError(f"{path}: '{key}' "
                            f'{show(manifest.get(key, MISSING))}, which is '
                            'not what semipose subset writes')
    if manifest['protocol'] not in PROTOCOLS:
        raise DataError(f"{path}: 'protocol' is {manifest['protocol']!r}, "
                        f'but must be {" or ".join(PROTOCOLS)}')
    for key in ('annotation_ids', 'image_ids', 'categories'):
        if not all(map(is_id, manifest[key] or ())):
            raise DataError(f"{path}: '{key}' must be ids")
    return manifest


def compare(manifest: dict, source: JsonFile, folder: str) -> List[str]:
    """Compare a manifest with an annotation file.

    Args:
        manifest (dict): The manifest.
        source (JsonFile): The annotation file.
        folder (str): The folder of the manifest, where the file of the
            subset is looked for.

    Returns:
        list[str]: What differs, empty if nothing does.

    Raises:
        DataError: If the annotation file is not of COCO's keypoint format.
    """
    faults = []
    if source.sha256 != manifest['source'].get('sha256'):
        what = 'is not the file that the subset was made from'
        if source.sha256 == manifest['subset'].get('sha256'):
            what = 'is the subset itself; give the file that it was made from'
        faults.append(f'{source.path} {what}: its sha256 is {source.sha256}, '
                      f"expected {manifest['source'].get('sha256')}")
    for field in ('annotation', 'image'):
        entries = entries_of(source.content, f'{field}s', source.path,
                             Findings())
        there = {str(entry.get('id')) for _, entry in entries}
        gone = [i for i in manifest[f'{field}_ids'] if str(i) not in there]
        if gone:
            faults.append(f'{len(gone)} {field} ids of the manifest are not '
                          f'in {source.path}: {name_some(gone)}')
    rule = Rule(*(manifest[field] for field in Rule._fields))
    usable = usable_instances(
        source.content, source.path,
        None if rule.categories is None else set(rule.categories))
    chosen = choose(usable, rule)[:manifest['num']]
    faults += _compare_ids('annotation', manifest['annotation_ids'],
                           [i.id for i in chosen])
    images = {i.image_id for i in chosen}
    images = [i['id'] for i in source.content['images'] if i['id'] in images]
    faults += _compare_ids('image', manifest['image_ids'], images)
    return faults + _compare_file(manifest, folder)


def _compare_ids(kind: str, listed: list, chosen: list) -> List[str]:
    """Compare the ids of a manifest with those that the rule gives."""
    if listed == chosen:
        return []
    known, given = set(listed), set(chosen)
    more = [i for i in listed if i not in given]
    less = [i for i in chosen if i not in known]
    parts = []
    if more:
        parts.append(f'the manifest alone has {name_some(more)}')
    if less:
        parts.append(f'the rule alone gives {name_some(less)}')
    if not parts:
        first = next(
            (n for n, (a, b) in enumerate(zip(listed, chosen)) if a != b),
            min(len(listed), len(chosen)))
        parts.append('their order or number differs from entry '
                     f'{first} on')
    return [
        f'the {kind} ids are not those that the rule gives: '
        f'{"; ".join(parts)}'
    ]


def _compare_file(manifest: dict, folder: str) -> List[str]:
    """Compare the file of the subset, if it lies beside the manifest."""
    path = subset_path(manifest, folder)
    if path is None:
        return []
    try:
        found = read_json(path)
        entries = entries_of(found.content, 'annotations', path, Findings())
        ids = {entry.get('id') for _, entry in entries}
    except DataError as fault:
        return [str(fault)]
    if found.sha256 == manifest['subset'].get('sha256'):
        return []
    listed = manifest['annotation_ids']
    gone = [i for i in listed if i not in ids]
    extra = sorted(ids - set(listed), key=str)
    detail = ''
    if gone:
        detail += f'; missing annotation ids: {name_some(gone)}'
    if extra:
        detail += f'; additional annotation ids: {name_some(extra)}'
    return [
        f'{path} was changed: its sha256 is {found.sha256}, expected '
        f"{manifest['subset'].get('sha256')}{detail}"
    ]


def subset_path(manifest: dict, folder: str) -> Optional[str]:
    """Find the file of a subset beside its manifest.

    Args:
        manifest (dict): The manifest.
        folder (str): The folder of the manifest.

    Returns:
        str, optional: The file, None if it is not there.
    """
    path = osp.join(folder, osp.basename(str(manifest['subset'].get('file'))))
    return path if osp.isfile(path) else None
