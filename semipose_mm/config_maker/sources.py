# Copyright (c) semipose_mm authors.
"""The unlabeled data: images, or a COCO file, and their boxes."""
import json
import os.path as osp
from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.box_rule import rule_box
from semipose_mm.data_files.boxes import load_boxes
from semipose_mm.data_files.categories import choose_boxes, names_by_id
from semipose_mm.data_files.copies import Copies
from semipose_mm.data_files.images import read_images
from semipose_mm.data_files.numbers import is_id
from semipose_mm.data_files.text import IMAGES
from semipose_mm.datasets.reading.box_index import BoxIndex
from semipose_mm.datasets.reading.unlabeled import Source as Boxes
from semipose_mm.datasets.reading.unlabeled import read_source
from .base import ConfigFault
from .labels import image_folder, name_categories, name_left_out
from .request import Request
from .several import OPTION, damaged, gather, read_list, videos_of
from .writing import Stage

SCORE_THR = 0.5


class Source(NamedTuple):
    """Unlabeled samples.

    Attributes:
        where (str): The option and what it names, for messages.
        options (dict): Arguments of ``UnlabeledPoseDataset``.
        policy (str): Where boxes come from, in words.
    """
    where: str
    options: Dict[str, Any]
    policy: str

    @property
    def whole_images(self) -> bool:
        """bool: Whether no box is known, so that a list of images will do."""
        return not str(self.options.get('ann_file',
                                        '')).lower().endswith('.json')


def find_source(request: Request, labels: Dict[Any, str], labeled: Set[str],
                stage: Stage, findings: Findings) -> Source:
    """Find out what an unlabeled source is.

    Args:
        request (Request): The options.
        labels (dict): Name of each labeled category by its id.
        labeled (set[str]): Real paths of the files of labels.
        stage (Stage): Where a list of images is written, if one is needed.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        Source: What to read, and how.

    Raises:
        ConfigFault: If it is none of these.
    """
    sources, boxes = request.unlabeled, request.boxes
    path = sources[0]
    if boxes and not (len(sources) == 1 and path.lower().endswith('.json')):
        raise ConfigFault(f'--boxes {boxes} needs a COCO file with the list '
                          f'of images as {OPTION}, not {", ".join(sources)}')
    videos = [video for one in sources for video in videos_of(one)]
    for option, value in (('--frames', request.frames), ('--frames-by',
                                                         request.frames_by)):
        if value is not None and not videos:
            raise ConfigFault(f'{option} needs a video as {OPTION}')
    if videos or len(sources) > 1:
        return Source(*gather(request, stage, findings))
    where = f"{OPTION} '{path}'"
    if osp.isdir(path):
        if request.unlabeled_images:
            raise ConfigFault(f'{where} is a folder, so --unlabeled-images '
                              'has no meaning')
        options = dict(data_prefix=dict(img=osp.join(osp.abspath(path), '')))
        return Source(where, options, 'whole images, as a folder has no boxes')
    if not osp.exists(path):
        raise ConfigFault(f'{where} does not exist')
    ending = osp.splitext(path)[1].lower()
    if ending == '.txt':
        images, folder, where = read_list(path, request, findings)
        options = dict(
            ann_file=osp.abspath(path), data_prefix=dict(img=folder))
        return Source(where, options, 'whole images, as a list has no boxes')
    if ending != '.json':
        raise ConfigFault(f'{where} must be a folder of images, a .txt list '
                          'of them, a video, or a COCO .json file')
    return _coco_source(request, labels, labeled, stage, findings)


def _coco_source(request: Request, labels: Dict[Any, str], labeled: Set[str],
                 stage: Stage, findings: Findings) -> Source:
    """Images of a COCO file, with the best boxes there are."""
    path, = request.unlabeled
    where = f"{OPTION} '{path}'"
    content = load_boxes(path, OPTION, findings)
    if isinstance(content, list):
        raise ConfigFault(f'{where} holds detections: give them as --boxes, '
                          f'and the list of images as {OPTION}')
    images = read_images(content, where, '', findings)
    names = names_by_id(content.get('categories'))
    annotations = content.get('annotations') or []
    options: Dict[str, Any] = dict(ann_file=osp.abspath(path))
    if request.boxes:
        policy = f'detections with a score of at least {SCORE_THR}'
        options.update(
            bbox_file=osp.abspath(request.boxes), score_thr=SCORE_THR)
        found = load_boxes(request.boxes, '--boxes', findings)
        ids = _choose(f"--boxes '{request.boxes}'", found, names, labels,
                      request, findings)
    elif osp.realpath(path) in labeled:
        policy = ('those of the images without labels, or else these images '
                  'as a whole')
        options['without_labels'], ids = True, list(labels)
    elif any(isinstance(one, dict) and 'bbox' in one for one in annotations):
        policy = 'those of the file, whose keypoints are not read'
        ids = _choose(f'{where}, annotations', annotations, names, labels,
                      request, findings)
    else:
        policy = ('whole images, as the file has no boxes; --boxes takes '
                  'those of a detector')
        lines = '\n'.join(image.name for image in images.values()) + '\n'
        options['ann_file'] = stage.write('_unlabeled.txt', lines.encode())
        ids = None
    if ids is not None:
        options['category_ids'] = ids
        policy += f'; {name_categories({i: names.get(i, "") for i in ids})}'
    options['data_prefix'] = dict(
        img=image_folder(path, where, images.values(), OPTION,
                         request.unlabeled_images, request, findings))
    return Source(where, options, policy)


def _choose(where: str, boxes: Any, names: Dict[Any, str], labels: Dict[Any,
                                                                        str],
            request: Request, findings: Findings) -> Optional[List[Any]]:
    """Choose the categories of boxes."""
    if not isinstance(boxes, list):
        raise ConfigFault(
            f'{where} holds a {type(boxes).__name__}, but detection results '
            'are a list of image_id, category_id, bbox, score; boxes in a '
            f'COCO file are taken if it is given as {OPTION}, alone')
    boxes = [one for one in boxes if isinstance(one, dict)]
    if not boxes:
        raise ConfigFault(f'{where} holds no boxes')
    counts = Counter(
        one['category_id'] if is_id(one.get('category_id')) else None
        for one in boxes)
    return choose_boxes(counts, names, labels, request.boxes_category,
                        '--boxes-category', where, findings)


def read_unlabeled(source: Source, validating: Set[str], stage: Stage,
                   findings: Findings) -> Tuple[Source, BoxIndex, str]:
    """Read unlabeled samples, as the training will find them.

    Args:
        source (Source): Where they are.
        validating (set[str]): Real paths of the images that validate, which
            are left out of lists of images.
        stage (Stage): Where such a list is written.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        tuple: The source, its samples, and what of it is used in words.
    """
    options, folder = source.options, source.options['data_prefix']['img']
    path = options.get('ann_file', '')
    reading = Boxes(
        stage.path(path) if path else '', options.get('bbox_file', ''), folder,
        (folder, ), options.get('category_ids'), False,
        options.get('without_labels', False), options.get('score_thr',
                                                          0.), None)
    index, left_out = _read(reading, source.where, findings)
    total = len(index) + sum(left_out.values())
    paths = [one['img_path'] for one in index]
    copies = Copies(validating)
    same = [
        osp.realpath(one) in validating or any(copies.of(one)) for one in paths
    ]
    kept = [one for one, is_same in zip(paths, same) if not is_same]
    shared = sum(same)
    if shared and kept and source.whole_images:
        names = '\n'.join(osp.relpath(one, folder) for one in kept) + '\n'
        if path:
            stage.remove(path)
        listed = stage.write('_unlabeled.txt', names.encode())
        source = source._replace(options=dict(options, ann_file=listed))
        index = index.take(i for i, is_same in enumerate(same) if not is_same)
        left_out['on images that validate'] = shared
    elif shared:
        findings.warn(
            'same images',
            source.where,
            f'has {shared} samples on images that validate: scores will be '
            'too good',
            advice=f'Leave them out of {OPTION}')
    if not len(index):
        why = damaged(findings)
        if not total:
            why = f'; images are files that end with {", ".join(IMAGES)}'
        raise ConfigFault(f'{source.where} has no usable sample among {total}'
                          f'{name_left_out(left_out)}{why}')
    return source, index, (f'{len(index)} of {total}'
                           f'{name_left_out(left_out)}')


def _read(reading: Boxes, where: str,
          findings: Findings) -> Tuple[BoxIndex, Dict[str, int]]:
    """Read boxes as the training does."""
    try:
        index, left_out = read_source(reading, findings)
    except DataError as fault:
        raise ConfigFault(f'{where}: {fault}') from fault
    return index, dict(left_out)


def apply_rule(source: Source, index: BoxIndex, rule: dict, stage: Stage,
               findings: Findings) -> Tuple[Source, BoxIndex]:
    """Give images without boxes those of the labels' rule.

    Args:
        source (Source): Where they are.
        index (BoxIndex): The images, each as a whole.
        rule (dict): See :mod:`semipose_mm.data_files.box_rule`.
        stage (Stage): Where a list of images with boxes is written.
        findings (Findings): Learns if the rule needs keypoints.

    Returns:
        tuple: The source and its samples.
    """
    if rule['kind'] == 'keypoints':
        findings.warn(
            'boxes of another kind',
            source.where,
            'takes whole images as boxes, but those of the labels lie around '
            f'their keypoints, with a margin of {rule["margin"]:g}',
            advice='Give boxes of a detector (semipose detect, --boxes), or '
            'import the labels with --box whole or --region')
    if rule['kind'] != 'region':
        return source, index
    options, folder = source.options, source.options['data_prefix']['img']
    images, boxes = [], []
    for number, one in enumerate(index):
        size = index.image_size(number)
        assert size is not None  # that of a whole image is read from it
        name = osp.relpath(one['img_path'], folder)
        images.append(
            dict(id=number, file_name=name, width=size[0], height=size[1]))
        try:
            box = list(rule_box(rule, *size))
        except DataError as fault:
            raise ConfigFault(f'{source.where}, {name}: {fault}') from fault
        boxes.append(dict(id=number, image_id=number, category_id=1, bbox=box))
    if options.get('ann_file'):
        stage.remove(options['ann_file'])
    content = dict(images=images, annotations=boxes)
    path = stage.write('_unlabeled.json', json.dumps(content).encode())
    source = Source(
        source.where, dict(options, ann_file=path),
        f'the region {rule["region"]} of each image, as of labels')
    reading = Boxes(stage.path(path), '', folder, (folder, ))
    return source, _read(reading, source.where, findings)[0]
