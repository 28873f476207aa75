# Copyright (c) semipose_mm authors.
"""What the datasets of MMPose made of the labels, checked once."""
import logging
import os.path as osp
from typing import Any, Iterator, List, NamedTuple, Optional

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from ..data_files import DataError, Findings
from ..data_files.box_fit import compare_sizes
from ..data_files.images import (allowed_roots, describe, image_size,
                                 is_inside, size_fault)
from .fetching import find_loader
from .reading.box_index import BoxIndex
from .reading.labeled import summary_of
from .reading.reports import describe_left_out, log_findings
from .transforms.lean_loading import LeanLoadImage
from .unlabeled_dataset import UnlabeledPoseDataset

#: How many headers of images are read when a training starts.
HEADERS = 64


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
    inner = getattr(dataset, 'dataset', None)  # of a wrapper
    if isinstance(inner, BaseDataset):
        yield from leaves(inner, f'{key}.dataset')
    if isinstance(dataset, BaseDataset) and not hasattr(dataset, 'datasets'):
        yield dataset, key


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
            raise DataError(
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
        DataError: If there is one.
    """
    roots = allowed_roots(
        dataset.data_prefix.get('img', ''), dataset.data_root)
    checked = set()
    for index, path in enumerate(samples.paths):
        if path in checked:
            continue
        checked.add(path)
        if not is_inside(path, roots):
            raise DataError(
                f"{key}: ann_file '{dataset.ann_file}', sample {index} leads "
                f"to '{path}', outside of {describe(roots)}; allow_outside="
                'True of the SemiPoseDataset allows it')


def check_values(samples: Samples, key: str) -> None:
    """Refuse boxes and joints that are no numbers or of no size.

    Args:
        samples (Samples): The samples.
        key (str): Config key of the dataset.

    Raises:
        DataError: If there is one.
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
            raise DataError(
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
        DataError: If something is wrong with them.
    """
    if isinstance(dataset, UnlabeledPoseDataset):
        return None
    samples = read_samples(dataset, key)
    if samples is not None:
        if not allow_outside:
            check_paths(dataset, samples, key)
        check_values(samples, key)
    return samples


def check_sizes(dataset: BaseDataset, key: str, whole: Any,
                labeled: bool) -> None:
    """Compare sizes of images with what their file says, for a few of them.

    Args:
        dataset (BaseDataset): The dataset, read.
        key (str): Its config key.
        whole (Any): The combination that it is a part of, or the dataset.
        labeled (bool): Whether one image of another size is too much. Of
            unlabeled ones it is more than half; others are left out when
            they are loaded.

    Raises:
        DataError: If too many have another size.
    """
    loader = find_loader(dataset) or find_loader(whole)
    if not isinstance(loader, LeanLoadImage) or loader.color_type != 'color':
        return  # whether the pixels are turned is not known
    faults, checked = [], 0
    for index in np.unique(
            np.linspace(0,
                        len(dataset) - 1, HEADERS).astype(int)):
        info = (
            dataset.get_data_info(int(index)) if isinstance(
                dataset, UnlabeledPoseDataset) else BaseDataset.get_data_info(
                    dataset, int(index)))
        path, listed = info.get('img_path'), info.get('img_shape')
        if listed is None or not isinstance(path, str) or '://' in path:
            continue
        try:
            size = image_size(path)
        except Exception:  # whoever uses it will say so
            continue
        checked += 1
        fault = size_fault(size, listed[::-1])
        if fault is not None:
            faults.append(f"'{path}' {fault}")
    if len(faults) > (0 if labeled else checked / 2):
        raise DataError(f'{key}: {faults[0]} ({len(faults)} of {checked} '
                        'images that were looked at are like this)')


def compare_boxes(labeled: Any, unlabeled: Any, key: str) -> None:
    """Warn of unlabeled boxes of another size in their images than labels.

    Args:
        labeled (Any): The labeled dataset, or a combination; read.
        unlabeled (Any): The unlabeled one.
        key (str): Config key of the unlabeled one.
    """
    summaries = [summary_of(part) for part, _ in leaves(labeled, '')]
    sizes = [one.box_size for one in summaries if one is not None]
    if not sizes:
        return
    findings = Findings()
    for part, place in leaves(unlabeled, key):
        index = getattr(part, 'data_list', None)
        if isinstance(index, BoxIndex):
            compare_sizes(
                float(np.median(sizes)), index.relative_size, place, findings)
    log_findings(findings)


def check_labels(dataset: BaseDataset, key: str, allow_outside: bool) -> None:
    """Check a labeled dataset, and tell what it uses.

    Args:
        dataset (BaseDataset): The dataset, read.
        key (str): Its config key.
        allow_outside (bool): Whether images may lie anywhere.

    Raises:
        DataError: If something is wrong with the labels.
    """
    if not len(dataset):
        raise DataError(f"{key} has no sample in '{dataset.ann_file}'")
    samples = check_unlabeled(dataset, key, allow_outside)
    if samples is None:
        return
    labeled = samples.visible > 0
    unseen = ~labeled.any(1)
    if unseen.all():
        raise DataError(
            f'{key}: none of the {len(unseen)} samples has a visible joint '
            f"(visibility above 0) in '{dataset.ann_file}', so nothing could "
            'be learned')
    summary, of, left_out = summary_of(dataset), '', {}
    if summary is not None:
        of = f' of {summary.total} annotations'
        left_out = dict(summary.left_out)
        left_out['by indices, filter_cfg or sample_interval'] = (
            summary.used - len(labeled))
    print_log(
        f'{key}: {len(labeled)}{of} of {osp.basename(dataset.ann_file)} are '
        f'used, with {int(labeled.sum())} labeled joints on '
        f'{len(set(samples.paths))} images{describe_left_out(left_out)}',
        logger='current')
    if unseen.any():
        print_log(
            f'{key}: {int(unseen.sum())} samples have no visible joint and '
            'teach nothing, the first is '
            f"'{samples.paths[int(unseen.argmax())]}'",
            logger='current',
            level=logging.WARNING)
