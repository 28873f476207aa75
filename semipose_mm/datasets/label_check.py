# Copyright (c) semipose_mm authors.
"""What the datasets of MMPose made of the labels, checked once."""
import json
import logging
import os.path as osp
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Iterator, List, NamedTuple, Optional

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmpose.datasets.datasets import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from .image_paths import allowed_roots, describe, is_inside
from .label_file import LabelFile, check_label_file
from .unlabeled_dataset import UnlabeledPoseDataset


class Samples(NamedTuple):
    """The samples of a dataset as arrays.

    Args:
        paths (list[str]): Paths of the images.
        boxes (np.ndarray): Boxes x1, y1, x2, y2 in shape (N, 4).
        joints (np.ndarray): Positions in shape (N, K, 2).
        visible (np.ndarray): Visibilities in shape (N, K).
    """

    paths: List[str]
    boxes: np.ndarray
    joints: np.ndarray
    visible: np.ndarray


def leaves(dataset: Any, key: str) -> Iterator[tuple]:
    """Iterate the datasets of a combination, or the dataset itself.

    Args:
        dataset (Any): The dataset.
        key (str): Its config key.

    Yields:
        tuple[BaseDataset, str]: Each dataset that reads a file itself, and
        its config key.
    """
    for index, part in enumerate(getattr(dataset, 'datasets', ())):
        yield from leaves(part, f'{key}.datasets[{index}]')
    if isinstance(dataset, BaseDataset) and not hasattr(dataset, 'datasets'):
        yield dataset, key


def read_file(dataset: BaseDataset, key: str) -> Optional[LabelFile]:
    """Check the annotation file of a dataset.

    Args:
        dataset (BaseDataset): The dataset, read or not.
        key (str): Its config key.

    Returns:
        LabelFile, optional: What the file holds; None if it is not read as
        MMPose reads COCO's.
    """
    stock = BaseCocoStyleDataset
    if not isinstance(dataset, stock) or any(
            getattr(type(dataset), name) is not getattr(stock, name)
            for name in ('_load_annotations', 'parse_data_info')):
        return None
    try:
        return check_label_file(dataset.ann_file,
                                3 * dataset.metainfo['num_keypoints'])
    except (OSError, ValueError) as error:
        raise type(error)(f'{key}.{error}') from error


@contextmanager
def explained(cfg: dict, key: str) -> Iterator[None]:
    """Say what is wrong with the files where a dataset cannot be read.

    Args:
        cfg (dict): Config of the dataset.
        key (str): Its config key.
    """
    try:
        yield
    except Exception:
        for index, part in enumerate(cfg.get('datasets') or ()):
            with explained(part, f'{key}.datasets[{index}]'):
                DATASETS.build(deepcopy(part))
        if 'datasets' not in cfg and 'ann_file' in cfg:
            # an empty one only fails to be serialized
            dataset = DATASETS.build(
                dict(
                    deepcopy(cfg),
                    lazy_init=True,
                    serialize_data=False,
                    pipeline=[]))
            file = read_file(dataset, key)
            if file is not None:
                try:
                    dataset.full_init()
                except (json.JSONDecodeError, UnicodeDecodeError) as error:
                    raise ValueError(
                        f"{key}.ann_file: '{dataset.ann_file}' is not plain "
                        f'UTF-8, which MMPose needs: {error}') from error
                check_used(dataset, key, file)
        raise


def check_used(dataset: BaseDataset, key: str,
               file: Optional[LabelFile]) -> None:
    """Refuse a dataset that uses nothing of its file.

    Args:
        dataset (BaseDataset): The dataset.
        key (str): Its config key.
        file (LabelFile, optional): What its file holds.
    """
    if len(dataset) > 0:
        return
    of = '' if file is None else f' of its {file.annotations} annotations'
    raise ValueError(
        f"{key} uses none{of} from '{dataset.ann_file}': a label needs a box "
        'inside its image, iscrowd 0 and a labeled joint; tools/dataset/'
        'check_data.py counts the reasons')


def read_samples(dataset: BaseDataset, key: str) -> Optional[Samples]:
    """Read the samples of a dataset into arrays.

    Args:
        dataset (BaseDataset): The dataset.
        key (str): Its config key.

    Returns:
        Samples, optional: The samples. None if they are no single instances
        with keypoints in the image.
    """
    num_joints = dataset.metainfo.get('num_keypoints')
    paths, boxes, joints, visible = [], [], [], []
    for index in range(len(dataset)):
        # the override of MMPose copies the meta information as well
        info = BaseDataset.get_data_info(dataset, index)
        try:
            path, box = info['img_path'], np.reshape(info['bbox'], (1, 4))
            joint, seen = info['keypoints'], info['keypoints_visible']
            joint = np.reshape(joint, (1, -1, np.shape(joint)[-1]))[..., :2]
        except (KeyError, ValueError):
            return None
        if joint.shape[1] != num_joints:
            raise ValueError(
                f"{key}: sample {index} ('{path}') has {joint.shape[1]} "
                f'keypoints; its metainfo has {num_joints}')
        paths.append(path)
        boxes.append(box)
        joints.append(joint)
        visible.append(np.reshape(seen, (1, num_joints, -1))[..., 0])
    return Samples(paths, *map(np.concatenate, (boxes, joints, visible)))


def check_paths(dataset: BaseDataset, samples: Samples, key: str) -> None:
    """Refuse images outside of the folders of a dataset.

    Args:
        dataset (BaseDataset): The dataset.
        samples (Samples): Its samples.
        key (str): Its config key.

    Raises:
        ValueError: If there is one.
    """
    roots = allowed_roots(
        dataset.data_prefix.get('img', ''), dataset.data_root)
    checked = set()
    for index, path in enumerate(samples.paths):
        if path in checked:
            continue
        checked.add(path)
        if not is_inside(path, roots):
            raise ValueError(
                f"{key}: ann_file '{dataset.ann_file}', sample {index} leads "
                f"to '{path}', outside of {describe(roots)}; allow_outside="
                'True of the SemiPoseDataset allows it')


def check_values(samples: Samples, key: str) -> None:
    """Refuse boxes and joints that are no numbers or of no size.

    Args:
        samples (Samples): The samples.
        key (str): Config key of the dataset.

    Raises:
        ValueError: If there is one.
    """
    sizes = samples.boxes[:, 2:] - samples.boxes[:, :2]
    # a comparison with NaN is false
    wrong_boxes = ~(np.isfinite(samples.boxes).all(1) & (sizes > 0).all(1))
    wrong_joints = ~np.isfinite(samples.joints).all((1, 2))
    for wrong, values, text in ((wrong_boxes, samples.boxes,
                                 'the box x1, y1, x2, y2 is {}; it must '
                                 'be finite, of positive width and height'),
                                (wrong_joints, samples.joints,
                                 'the joints are {}; they must be '
                                 'finite numbers')):
        if wrong.any():
            index = int(wrong.argmax())
            shown = str(values[index].tolist())[:100]
            raise ValueError(
                f"{key}: sample {index} ('{samples.paths[index]}'): "
                f'{text.format(shown)}; {int(wrong.sum())} of {len(wrong)} '
                'samples are wrong like this')


def check_unlabeled(dataset: BaseDataset, key: str,
                    allow_outside: bool) -> Optional[Samples]:
    """Check boxes and image paths of a dataset.

    Args:
        dataset (BaseDataset): The dataset, read.
        key (str): Its config key.
        allow_outside (bool): Whether images may lie anywhere.

    Returns:
        Samples, optional: Its samples. None if they were not checked: they
        are no instances, or their class checks all this when it reads.

    Raises:
        ValueError: If something is wrong with them.
    """
    if isinstance(dataset, UnlabeledPoseDataset):
        return None
    samples = read_samples(dataset, key)
    if samples is not None:
        if not allow_outside:
            check_paths(dataset, samples, key)
        check_values(samples, key)
    return samples


def check_labels(dataset: BaseDataset, key: str, allow_outside: bool) -> None:
    """Check a labeled dataset, and tell what it uses.

    Args:
        dataset (BaseDataset): The dataset, read.
        key (str): Its config key.
        allow_outside (bool): Whether images may lie anywhere.

    Raises:
        ValueError: If something is wrong with the labels.
    """
    file = read_file(dataset, key)
    check_used(dataset, key, file)
    samples = check_unlabeled(dataset, key, allow_outside)
    if samples is None:
        return
    labeled = samples.visible > 0
    unseen = ~labeled.any(1)
    if unseen.all():
        raise ValueError(
            f'{key}: none of the {len(unseen)} samples has a visible joint '
            f"(visibility above 0) in '{dataset.ann_file}', so nothing could "
            'be learned')
    name = osp.basename(dataset.ann_file)
    of = '' if file is None else f' of {file.annotations} annotations'
    print_log(
        f'{key}: {len(labeled)}{of} of {name} are used, with '
        f'{int(labeled.sum())} labeled joints on {len(set(samples.paths))} '
        'images',
        logger='current')
    warnings = []
    if unseen.any():
        warnings.append(f'{int(unseen.sum())} samples have no visible joint '
                        'and teach nothing, the first is '
                        f"'{samples.paths[int(unseen.argmax())]}'")
    if file is not None:
        warnings += [
            f'{count} annotations {reason} are left out, the first is '
            f'{file.first[reason]}' for reason, count in file.left_out.items()
        ]
    for text in warnings:
        print_log(f'{key}: {text}', logger='current', level=logging.WARNING)
