# Copyright (c) semipose_mm authors.
"""The data of a config: labels, validation, unlabeled samples, keypoints."""
import argparse
import os.path as osp
from typing import List, NamedTuple, Optional

from mmpose.registry import DATASETS

from .faults import ConfigFault
from .keypoints import Keypoints, describe_keypoints, metainfo_text
from .labels import (Part, check_same_keypoints, describe_part, find_images,
                     image_paths, part_content, read_labels, split_by_image)
from .sources import Source, find_source
from .stage import Stage


class Data(NamedTuple):
    """What a config reads.

    Attributes:
        keypoints (Keypoints): The keypoints.
        metainfo (str): Their file, as the config names it.
        train (Part): Labels to train on.
        val (Part): Labels that validate.
        source (Source, optional): Unlabeled samples.
        num_unlabeled (int): Their number.
        num_shared (int): Those on images that validate.
    """
    keypoints: Keypoints
    metainfo: str
    train: Part
    val: Part
    source: Optional[Source]
    num_unlabeled: int
    num_shared: int


def read_data(args: argparse.Namespace, stage: Stage) -> Data:
    """Read what the options name, and write files that are derived from it.

    Args:
        args (Namespace): Options of ``semipose config``.
        stage (Stage): Where files are written.

    Returns:
        Data: What the config reads.

    Raises:
        ConfigFault: If an option names something unusable.
        FileFault: If a file has another format.
    """
    labels, instances = read_labels(args.labeled, '--labeled')
    name = osp.splitext(osp.basename(args.labeled))[0]
    keypoints = describe_keypoints(labels.content, args.labeled,
                                   args.keypoints, name)
    images = find_images(args.labeled, labels.content['images'], args.images)
    if args.val is None:
        parts = split_by_image(labels, instances, args.seed)
        train, val = (describe_part(
            stage.write(f'_{part}.json', part_content(labels, chosen)), labels,
            chosen, images) for part, chosen in parts.items())
        validating = image_paths(labels, parts['val'], images)
    else:
        others, chosen = read_labels(args.val, '--val')
        check_same_keypoints(labels, others, len(keypoints.names))
        train = describe_part(
            osp.abspath(args.labeled), labels, instances, images)
        folder = find_images(args.val, others.content['images'], args.images)
        val = describe_part(osp.abspath(args.val), others, chosen, folder)
        validating = image_paths(others, chosen, folder)
    if keypoints.known:
        metainfo = f'configs/_base_/datasets/{keypoints.known}'
    else:
        text = metainfo_text(keypoints, args.keypoints or args.labeled)
        metainfo = stage.write('_keypoints.py', text.encode())
    source, num_unlabeled, num_shared = None, 0, 0
    if args.unlabeled is not None:
        categories = {
            one.get('category_id')
            for one in labels.content['annotations']
        }
        source = find_source(args.unlabeled, args.boxes, args.images,
                             categories, stage.stem)
        for ending, content in source.files.items():
            stage.write(ending, content)
        found = _unlabeled_images(source, keypoints, stage)
        kept = [path for path in found if osp.realpath(path) not in validating]
        num_shared = len(found) - len(kept)
        if num_shared and kept and source.whole_images:
            source = _leave_out(source, kept, stage)
            found, num_shared = kept, 0
        num_unlabeled = len(found)
    return Data(keypoints, metainfo, train, val, source, num_unlabeled,
                num_shared)


def _unlabeled_images(source: Source, keypoints: Keypoints,
                      stage: Stage) -> List[str]:
    """Images of the unlabeled samples, as the training will find them."""
    options = dict(source.options)
    if options.get('ann_file'):
        options['ann_file'] = stage.path(options['ann_file'])
    try:
        dataset = DATASETS.build(
            dict(
                type='mmpose.UnlabeledPoseDataset',
                metainfo=keypoints.raw,
                **options))
    except (OSError, ValueError) as error:
        raise ConfigFault(f'--unlabeled: {error}') from error
    return [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]


def _leave_out(source: Source, kept: List[str], stage: Stage) -> Source:
    """Make a list of the images that do not validate."""
    folder = source.options['data_prefix']['img']
    names = '\n'.join(osp.relpath(path, folder) for path in kept) + '\n'
    listed = stage.write('_unlabeled.txt', names.encode())
    return source._replace(
        options=dict(source.options, ann_file=listed),
        policy=f'{source.policy}; without images that validate')
