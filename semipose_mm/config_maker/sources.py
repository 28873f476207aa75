# Copyright (c) semipose_mm authors.
"""The unlabeled data: a folder, a list, or a COCO file, and their boxes."""
import os.path as osp
from typing import Dict, NamedTuple, Optional, Sequence, Set

from semipose_mm.data_files.coco_files import read_json
from .faults import ConfigFault
from .labels import find_images

VIDEOS = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpg', '.webm')
SCORE_THR = 0.5


class Source(NamedTuple):
    """Unlabeled samples.

    Attributes:
        options (dict): Arguments of ``UnlabeledPoseDataset``.
        policy (str): Where boxes come from, in words.
        files (dict): Content of further files by their endings.
    """
    options: dict
    policy: str
    files: Dict[str, bytes]

    @property
    def whole_images(self) -> bool:
        """bool: Whether no box is known, so that a list of images will do."""
        return not str(self.options.get('ann_file', '')).endswith('.json')


def find_source(path: str, boxes: Optional[str], given: Sequence[str],
                categories: Set[int], stem: str) -> Source:
    """Find out what an unlabeled source is.

    Args:
        path (str): A folder, a ``.txt`` list of images, or a COCO file.
        boxes (str, optional): Detection results for the images of the file.
        given (list[str]): Folders to look for images in.
        categories (set[int]): Ids that the labels have.
        stem (str): Name of the config without its ending.

    Returns:
        Source: What to read, and how.

    Raises:
        ConfigFault: If it is none of these.
    """
    if boxes and not path.lower().endswith('.json'):
        raise ConfigFault(f'--boxes {boxes} needs a COCO file with the list '
                          f'of images as --unlabeled, not {path}')
    if osp.isdir(path):
        options = dict(data_prefix=dict(img=osp.join(osp.abspath(path), '')))
        return Source(options, 'whole images, as a folder has no boxes', {})
    if not osp.isfile(path):
        raise ConfigFault(f'--unlabeled {path} does not exist')
    ending = osp.splitext(path)[1].lower()
    if ending in VIDEOS:
        raise ConfigFault(
            f'--unlabeled {path} is a video: make images of its frames and '
            'give their folder, for example by ffmpeg -i '
            f'{osp.basename(path)} -vf fps=2 -q:v 2 frames/%06d.jpg')
    if ending == '.txt':
        with open(path, encoding='utf-8') as file:
            names = [line.strip() for line in file if line.strip()]
        folder = find_images(path, [dict(file_name=n) for n in names], given)
        options = dict(
            ann_file=osp.abspath(path), data_prefix=dict(img=folder))
        return Source(options, 'whole images, as a list has no boxes', {})
    if ending != '.json':
        raise ConfigFault(f'--unlabeled {path} must be a folder of images, a '
                          '.txt list of them, or a COCO .json file')
    return _coco_source(path, boxes, given, categories, stem)


def _coco_source(path: str, boxes: Optional[str], given: Sequence[str],
                 categories: Set[int], stem: str) -> Source:
    """Images of a COCO file, with the best boxes there are."""
    content = read_json(path).content
    if isinstance(content, list):
        raise ConfigFault(f'--unlabeled {path} holds detections: give them as '
                          '--boxes, and the list of images as --unlabeled')
    images = content.get('images') if isinstance(content, dict) else None
    if not images or not all(
            isinstance(one, dict) and one.get('file_name') for one in images):
        raise ConfigFault(f"--unlabeled {path} has no list 'images' with a "
                          "'file_name' each")
    prefix = dict(img=find_images(path, images, given))
    if boxes:
        options = dict(
            ann_file=osp.abspath(path),
            bbox_file=osp.abspath(boxes),
            score_thr=SCORE_THR)
        found = read_json(boxes).content
        kinds = {
            one.get('category_id')
            for one in found if isinstance(one, dict)
        } if isinstance(found, list) else {}
        if len(kinds) > 1 and categories & kinds:
            options['category_ids'] = sorted(categories & kinds)
        return Source(
            dict(options, data_prefix=prefix),
            f'detections with a score of at least {SCORE_THR}', {})
    if any('bbox' in one for one in content.get('annotations') or []
           if isinstance(one, dict)):
        options = dict(ann_file=osp.abspath(path), data_prefix=prefix)
        return Source(options, 'those of the file, whose keypoints are not '
                      'read', {})
    ending = '_unlabeled.txt'
    names = '\n'.join(one['file_name'] for one in images) + '\n'
    options = dict(
        ann_file='{{ fileDirname }}/' + stem + ending, data_prefix=prefix)
    return Source(
        options, 'whole images, as the file has no boxes; --boxes '
        'takes those of a detector', {ending: names.encode()})
