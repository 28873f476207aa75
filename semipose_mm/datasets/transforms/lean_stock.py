# Copyright (c) semipose_mm authors.
"""Stock transforms replaced by twins: the same results, sooner."""
from typing import Any, Callable, Optional

import cv2
import numpy as np
from mmengine.dataset import Compose
from mmpose.datasets.transforms import RandomFlip

from .lean_loading import LeanLoadImage
from .lean_targets import LeanGenerateTarget
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


TWINS = (LeanLoadImage, LeanFlip, LeanGenerateTarget)


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
