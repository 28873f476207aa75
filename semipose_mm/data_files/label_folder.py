# Copyright (c) semipose_mm authors.
"""A folder of labels: two files in COCO's format and a manifest."""
import os.path as osp

from .box_rule import check_box_rule
from .findings import DataError, Findings
from .text import read_json, show

FORMAT = 'semipose_mm labels 1'


def annotation_file(folder: str, part: str) -> str:
    """The file of a part.

    Args:
        folder (str): The folder of labels.
        part (str): ``'train'`` or ``'val'``.
    """
    return osp.join(folder, 'annotations', f'{part}.json')


def manifest_file(folder: str) -> str:
    """The manifest of a folder of labels."""
    return osp.join(folder, 'manifest.json')


def is_label_folder(folder: str) -> bool:
    """Whether a path is a folder with a manifest."""
    return osp.isfile(manifest_file(folder))


def read_manifest(folder: str) -> dict:
    """Read the manifest of a folder of labels.

    Args:
        folder (str): The folder.

    Returns:
        dict: Its content: ``images``, the absolute path of the folder that
        names of images are relative to; ``box_rule``, checked; ``split`` and
        ``imports``.

    Raises:
        DataError: If it is of another kind.
    """
    path = manifest_file(folder)
    content = read_json(path, 'manifest', Findings())
    found = content.get('format') if isinstance(content, dict) else content
    if found != FORMAT:
        raise DataError(f"{path}, format {show(found)}; it must be '{FORMAT}'")
    for key, kind in (('images', str), ('split', dict), ('imports', list)):
        if not isinstance(content.get(key), kind):
            raise DataError(f'{path}, {key} {show(content.get(key))}; it must '
                            f'be a {kind.__name__}')
    content['box_rule'] = check_box_rule(
        content.get('box_rule'), f'{path}, box_rule')
    content['images'] = osp.normpath(
        osp.join(osp.abspath(folder), content['images']))
    return content
