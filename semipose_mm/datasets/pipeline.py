# Copyright (c) semipose_mm authors.
"""Whether two datasets and their pipelines fit; the derived pipeline."""
import logging
from typing import Any, List, Sequence, Tuple, Union

from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import BaseDataset, Compose
from mmengine.logging import print_log
from mmpose.datasets.transforms import (GenerateTarget, KeypointConverter,
                                        PackPoseInputs, RandomBBoxTransform,
                                        RandomFlip, RandomHalfBody,
                                        TopdownAffine)

from .transforms import EasyAffine, EasyHardPair, HardCrop, build_transforms
from .transforms.appearance import is_appearance, is_geometry
from .transforms.lean_stock import WeightedConverter
from .transforms.lean_targets import WeightedTarget
from .transforms.twin import stock_name

# What changes the box or crops it.
BOX_CHANGES = (EasyAffine, RandomBBoxTransform, TopdownAffine)
# What makes something of weights.
NEEDS_WEIGHTS = (GenerateTarget, KeypointConverter)
# What needs keypoints and would make something up without them.
NEEDS_KEYPOINTS = (RandomHalfBody, GenerateTarget, KeypointConverter)


def check_keypoints(labeled: Any, unlabeled: Any, key: str) -> None:
    """Check that both datasets speak of the same number of keypoints.

    Args:
        labeled (BaseDataset | CombinedDataset): The labeled dataset.
        unlabeled (BaseDataset | CombinedDataset): The unlabeled dataset.
        key (str): Config key that both belong to.

    Raises:
        ValueError: If they do not.
    """
    one, other = (
        dataset.metainfo.get('num_keypoints')
        for dataset in (labeled, unlabeled))
    if one != other:
        raise ValueError(
            f'{key}.labeled has {one} keypoints, {key}.unlabeled has {other}; '
            'leave out unlabeled.metainfo, or set it to that of the labeled '
            'dataset')


def check_explicit(pipeline: Compose, sources: dict, key: str) -> None:
    """Check an unlabeled pipeline that the config gives itself.

    Args:
        pipeline (Compose): The pipeline.
        sources (dict): The sources of a derived one.
        key (str): Config key of the dataset of both.

    Raises:
        ValueError: If it cannot be used.
    """
    pipeline_key = f'{key}.unlabeled.pipeline'
    last = pipeline.transforms[-1]
    if not isinstance(last, EasyHardPair):
        raise ValueError(
            f'{pipeline_key} ends with {stock_name(last)}; it must end with '
            'EasyHardPair, or be left out to be derived from the labeled one')
    if sources:
        raise ValueError(
            f'{key}.sources is for a derived unlabeled pipeline, but '
            f'{pipeline_key} is given; move the sources to its EasyHardPair')
    check_order(pipeline, pipeline_key)


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


def check_weighted(pipelines: Sequence[Compose], key: str) -> None:
    """Refuse a transform that would forget the weights of labels.

    Args:
        pipelines (Sequence[Compose]): What labels with weights go through.
        key (str): Config key of their dataset, for the error message.

    Raises:
        ValueError: If there is one.
    """
    for pipeline in pipelines:
        for one in getattr(pipeline, 'transforms', ()):
            if isinstance(one, NEEDS_WEIGHTS) and not isinstance(
                    one, (WeightedTarget, WeightedConverter)):
                raise ValueError(
                    f'{key} has labels with keypoint_weights, which its '
                    f'transform {type(one).__name__} would forget; use that '
                    'of MMPose, or leave the weights out')


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


def derive_unlabeled(
    pipeline: Compose,
    sources: dict,
    easy: Union[str,
                Sequence[dict]] = 'geometry') -> Tuple[Compose, List[str]]:
    """Derive the unlabeled pipeline from the labeled one.

    What needs keypoints is dropped, and the packing at the end is replaced by
    :class:`EasyHardPair`. The other transforms are shared, but for those that
    change how an image looks: the easy view is what teachers see.

    Args:
        pipeline (Compose): The labeled pipeline.
        sources (dict): See :class:`EasyHardPair`.
        easy (str | Sequence[dict]): ``'geometry'``, or ``'labeled'`` to keep
            colour changes and holes, too, or transforms of the box by which
            the easy view is cropped; what the labeled pipeline makes of the
            image is a :class:`HardCrop` then. Defaults to ``'geometry'``

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
    dropped = [
        t for t in transforms if isinstance(t, NEEDS_KEYPOINTS) or (
            easy == 'geometry' and is_appearance(t))
    ]
    kept = [t for t in transforms if t not in dropped]
    if not isinstance(easy, str):
        kept = _with_hard_crop(kept, easy)
    pair = EasyHardPair(
        sources=sources,
        meta_keys=pack.meta_keys,
        pack_transformed=pack.pack_transformed)
    return Compose(kept + [pair]), [stock_name(t) for t in dropped]


def _with_hard_crop(transforms: List[Any], easy: Sequence[dict]) -> List[Any]:
    """Crop as labeled images are cropped, and then an easy view."""
    where = [isinstance(t, BOX_CHANGES) for t in transforms]
    if True not in where:
        raise ValueError(
            'train_dataloader.dataset.easy is a list of transforms of the '
            'box, but the labeled pipeline crops none: it needs '
            'TopdownAffine')
    first = where.index(True)
    crop = [t for t in transforms[first:] if isinstance(t, TopdownAffine)]
    hard = HardCrop(transforms[first:])
    return [*transforms[:first], hard, *build_transforms(easy), *crop]


def say_easy(pipeline: Compose, dropped: List[str], key: str) -> None:
    """Log what a derived pipeline is made of.

    Transforms that are not known to be geometry are a warning.

    Args:
        pipeline (Compose): The derived pipeline.
        dropped (list[str]): Names of what was left out.
        key (str): Config key of the dataset.
    """
    kept = pipeline.transforms[:-1]
    without = f', without {", ".join(dropped)}' if dropped else ''
    print_log(
        f'{key}: the unlabeled pipeline is the labeled one with '
        f'{", ".join(map(stock_name, kept))}{without}, packed by EasyHardPair',
        'current')
    odd = [stock_name(t) for t in kept if not is_geometry(t)]
    if odd:
        way_out = f", or {key}.easy='geometry'" if any(
            map(is_appearance, kept)) else ''
        print_log(
            f'{key}: the easy view, from which teachers predict, is made '
            f'with {", ".join(odd)} of the labeled pipeline. Where that '
            'changes colours or hides parts, set '
            f'{key}.unlabeled.pipeline{way_out}', 'current', logging.WARNING)
