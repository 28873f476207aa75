# Copyright (c) semipose_mm authors.
"""Which format a source has, and its reader."""
import os
import os.path as osp
from typing import Any, Sequence

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.text import read_json
from .coco import read_coco
from .cvat import read_cvat
from .dlc import read_dlc
from .label_studio import is_label_studio, read_label_studio
from .sleap import read_sleap
from .source import Source
from .yolo import is_yolo, read_yolo

FORMATS = ('a DeepLabCut project (its folder or config.yaml), a table of '
           'DeepLabCut or Lightning Pose (.csv, .h5), SLEAP (.slp), Label '
           'Studio (.json), CVAT for images (.xml), COCO keypoints (.json) or '
           'YOLO pose (its folder or .yaml)')


def read_source(path: str, images: Sequence[str], frames: str,
                findings: Findings) -> Source:
    """Read labels of whichever tool.

    Args:
        path (str): A file or a folder.
        images (Sequence[str]): Folders to look for images in.
        frames (str): The folder that frames of videos are written to.
        findings (Findings): Learns what is doubtful.

    Returns:
        Source: The labels.

    Raises:
        DataError: If it is none of :data:`FORMATS`, or something in it cannot
            be used.
    """
    where = f"SOURCE '{path}'"
    if not osp.exists(path):
        raise DataError(f'{where} does not exist')
    ending = osp.splitext(path)[1].lower()
    if osp.isdir(path) or ending in ('.yaml', '.yml'):
        return _read_described(path, images, findings)
    if ending in ('.csv', '.h5'):
        return read_dlc(path, images, findings)
    if ending == '.slp':
        return read_sleap(path, frames, findings)
    if ending == '.xml':
        return read_cvat(path, images, findings)
    if ending == '.json':
        content = read_json(path, 'SOURCE', findings)
        if is_label_studio(content):
            return read_label_studio(path, content, images, findings)
        return read_coco(path, content, images, findings)
    raise DataError(f'{where} has the ending {ending!r}; it must be {FORMATS}')


def _read_described(path: str, images: Sequence[str],
                    findings: Findings) -> Source:
    """Read what a yaml file describes."""
    files = [path]
    if osp.isdir(path):
        files = sorted(
            osp.join(path, one) for one in os.listdir(path)
            if one.endswith(('.yaml', '.yml')))
    import yaml
    for file in files:
        try:
            with open(file, encoding='utf-8') as stream:
                content: Any = yaml.safe_load(stream)
        except (OSError, ValueError, yaml.YAMLError) as error:
            reason = ' '.join(str(error).split())
            raise DataError(f'{file} cannot be read: {reason}') from error
        if is_yolo(content):
            return read_yolo(file, content, findings)
        if isinstance(content, dict) and 'bodyparts' in content:
            return read_dlc(file, images, findings)
    tables = [] if files == [path] else sorted(
        one for one in os.listdir(path)
        if one.startswith('CollectedData') and one.endswith('.csv'))
    if len(tables) > 1:
        raise DataError(f"SOURCE '{path}' has {', '.join(tables)}: name the "
                        'one that counts')
    if tables:  # a project of Lightning Pose
        return read_dlc(osp.join(path, tables[0]), images, findings)
    raise DataError(f"SOURCE '{path}' has no yaml file with bodyparts, as of "
                    'DeepLabCut, or kpt_shape, as of YOLO pose, and no '
                    'CollectedData*.csv, as of Lightning Pose; it must be '
                    f'{FORMATS}')
