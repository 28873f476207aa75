# Copyright (c) semipose_mm authors.
"""Stock transforms replaced by twins: the same results, sooner.

Those of ``GenerateTarget`` and ``KeypointConverter`` mind the weights of
labels, too, which MMPose's forget.
"""
from typing import Any, Callable, Optional

import cv2
import numpy as np
from mmengine.dataset import Compose
from mmpose.datasets.transforms import KeypointConverter, RandomFlip

from .lean_loading import LeanLoadImage
from .lean_targets import LeanGenerateTarget, WeightedTarget
from .twin import Twin

FLIP_CODES = dict(horizontal=1, vertical=0, diagonal=-1)


class LeanFlip(Twin, RandomFlip):
    """Flip as :class:`RandomFlip` does, but the pixels by OpenCV.

    NumPy's mirrored view of an image takes OpenCV ten times longer to
    warp than the image itself.
    """

    stock = RandomFlip

    def transform(self, results: dict) -> Optional[dict]:
        """Flip the image and what belongs to it.

        Args:
            results (dict): The result dict.

        Returns:
            dict: The result dict.
        """
        image = results['img']
        if (not isinstance(image, np.ndarray) or image.dtype != np.uint8
                or image.ndim != 3 or image.shape[2] != 3):
            return super().transform(results)
        # of a list, each image is flipped, so of this one none
        results['img'] = []
        try:
            results = super().transform(results)
        finally:
            results['img'] = image
        if results['flip']:
            code = FLIP_CODES[results['flip_direction']]
            results['img'] = cv2.flip(image, code)
        return results


class WeightedConverter(Twin, KeypointConverter):
    """Convert as :class:`KeypointConverter` does, and keep weights."""

    stock = KeypointConverter

    def transform(self, results: dict) -> dict:
        """Convert keypoints.

        Args:
            results (dict): The result dict; ``keypoints_visible`` of shape
                (N, K, 2) holds visibilities and weights.

        Returns:
            dict: The result dict.
        """
        before = results.get('keypoints_visible')
        results = super().transform(results)
        if before is not None and before.ndim == 3:
            weights = before[:, self.source_index, 1]
            if self.interpolation:
                weights = weights * before[:, self.source_index2, 1]
            results['keypoints_visible'][:, self.target_index, 1] = weights
        return results


TWINS = (LeanLoadImage, LeanFlip, LeanGenerateTarget, WeightedTarget,
         WeightedConverter)


def replace_stock(dataset: Any) -> None:
    """Replace stock transforms in the pipelines of a dataset by their twins.

    Subclasses and transforms of users are left alone.

    Args:
        dataset (BaseDataset | CombinedDataset): Changed in place.
    """
    if isinstance(dataset.pipeline, Compose):
        dataset.pipeline.transforms = [
            _twin(t) for t in dataset.pipeline.transforms
        ]
    for part in getattr(dataset, 'datasets', ()):
        replace_stock(part)


def _twin(transform: Callable) -> Callable:
    """The twin of a transform, or the transform itself."""
    for cls in TWINS:
        if cls.can_replace(transform):
            twin = cls.__new__(cls)
            twin.adopt(transform)
            return twin
    return transform
