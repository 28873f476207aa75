# Copyright (c) semipose_mm authors.
"""Pipelines: checking their order, deriving the unlabeled one."""
from typing import List, Tuple

from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset, Compose
from mmpose.datasets.transforms import (GenerateTarget, KeypointConverter,
                                        PackPoseInputs, RandomFlip,
                                        RandomHalfBody, TopdownAffine)

from .transforms import EasyHardPair
from .transforms.twin import stock_name

# What needs keypoints and would make something up without them.
NEEDS_KEYPOINTS = (RandomHalfBody, GenerateTarget, KeypointConverter)


def check_order(pipeline: Compose, key: str) -> None:
    """Refuse a flip of the crop.

    After the crop, MMPose's flip takes the crop's width for its height, and
    leaves the keypoints of the crop as they are.

    Args:
        pipeline (Compose): The pipeline.
        key (str): Its config key, for the error message.
    """
    cropped = False
    for transform in pipeline.transforms:
        cropped = cropped or isinstance(transform, TopdownAffine)
        if cropped and isinstance(transform, RandomFlip):
            raise ValueError(
                f'{key} has RandomFlip after TopdownAffine, where it mirrors '
                'about a wrong axis and leaves the keypoints of the crop as '
                'they are; it must stand before TopdownAffine')


def check_loading(dataset: BaseDataset, key: str) -> None:
    """Refuse to derive from a combination whose parts load the images.

    Only the pipeline of the combination itself is derived from.

    Args:
        dataset (BaseDataset): The labeled dataset.
        key (str): Its config key, for the error message.
    """
    for index, part in enumerate(getattr(dataset, 'datasets', ())):
        if any(
                isinstance(transform, LoadImageFromFile)
                for transform in part.pipeline.transforms):
            raise ValueError(
                f'{key}.datasets[{index}].pipeline loads the images, so no '
                f'unlabeled pipeline can be derived from {key}.pipeline; '
                'move LoadImage and all behind it there, or set '
                'train_dataloader.dataset.unlabeled.pipeline')


def derive_unlabeled(pipeline: Compose,
                     sources: dict) -> Tuple[Compose, List[str]]:
    """Derive the unlabeled pipeline from the labeled one.

    What needs keypoints is dropped, and the packing at the end is replaced by
    :class:`EasyHardPair`. The other transforms are shared.

    Args:
        pipeline (Compose): The labeled pipeline.
        sources (dict): See :class:`EasyHardPair`.

    Returns:
        tuple[Compose, list[str]]: The pipeline, and the names of the
        transforms that were dropped.
    """
    transforms = list(pipeline.transforms)
    if not transforms or not isinstance(transforms[-1], PackPoseInputs):
        last = stock_name(transforms[-1]) if transforms else 'nothing'
        raise ValueError(
            'the unlabeled pipeline can be derived from a labeled pipeline '
            f'that ends with PackPoseInputs, but this one ends with {last}; '
            'set train_dataloader.dataset.unlabeled.pipeline, with '
            'EasyHardPair as its last transform')
    pack = transforms.pop()
    dropped = [t for t in transforms if isinstance(t, NEEDS_KEYPOINTS)]
    kept = [t for t in transforms if not isinstance(t, NEEDS_KEYPOINTS)]
    pair = EasyHardPair(
        sources=sources,
        meta_keys=pack.meta_keys,
        pack_transformed=pack.pack_transformed)
    return Compose(kept + [pair]), [stock_name(t) for t in dropped]
