# Copyright (c) semipose_mm authors.
"""MMPose's targets: weights of labels count, and one Gaussian does for all."""
from typing import Optional

import numpy as np
from mmpose.codecs import MSRAHeatmap
from mmpose.datasets.transforms import GenerateTarget

from .twin import Twin


class LeanMSRAHeatmap(MSRAHeatmap):
    """Encode as :class:`MSRAHeatmap` does, with one Gaussian for all."""

    def encode(self,
               keypoints: np.ndarray,
               keypoints_visible: Optional[np.ndarray] = None) -> dict:
        """Encode the keypoints of an instance.

        Args:
            keypoints (np.ndarray): In shape (1, K, 2).
            keypoints_visible (np.ndarray, optional): In shape (1, K).

        Returns:
            dict: ``heatmaps`` (K, H, W) and ``keypoint_weights`` (1, K).
        """
        if (keypoints.shape[0] != 1 or keypoints.shape[-1] != 2
                or keypoints_visible is None or keypoints_visible.ndim != 2):
            return super().encode(keypoints, keypoints_visible)
        width, height = self.heatmap_size
        radius, gaussian = 3 * self.sigma, self._gaussian()
        centers = (keypoints[0] / self.scale_factor + 0.5).astype(np.int64)
        starts = (centers - radius).astype(np.int64).tolist()
        ends = (centers + radius + 1).astype(np.int64).tolist()
        weights = keypoints_visible.copy()
        heatmaps = np.zeros((len(centers), height, width), dtype=np.float32)
        for k in np.flatnonzero(~(keypoints_visible[0] < 0.5)).tolist():
            (left, top), (right, bottom) = starts[k], ends[k]
            if left >= width or top >= height or right < 0 or bottom < 0:
                weights[0, k] = 0
                continue
            x1, x2 = max(0, left), min(width, right)
            y1, y2 = max(0, top), min(height, bottom)
            heatmaps[k, y1:y2, x1:x2] = gaussian[y1 - top:y2 - top,
                                                 x1 - left:x2 - left]
        return dict(heatmaps=heatmaps, keypoint_weights=weights)

    def _gaussian(self) -> np.ndarray:
        """The Gaussian about a joint, up to three deviations."""
        found = vars(self).get('_stamp')
        if found is None or found[0] != self.sigma:
            size = 2 * 3 * self.sigma + 1
            x = np.arange(0, size, 1, dtype=np.float32) - size // 2
            stamp = np.exp(-(x**2 + x[:, None]**2) / (2 * self.sigma**2))
            found = self._stamp = self.sigma, stamp
        return found[1]


class WeightedTarget(Twin, GenerateTarget):
    """Generate targets, whose weights are multiplied by those of the labels.

    MMPose takes (1, K, 2) ``keypoints_visible`` apart, and leaves it to heads
    what the second column is for.
    """

    stock = GenerateTarget

    def transform(self, results: dict) -> dict:
        """Generate the targets of a sample.

        Args:
            results (dict): The result dict.

        Returns:
            dict: The result dict.
        """
        results = super().transform(results)
        weights = results.pop('keypoints_visible_weights', None)
        if weights is not None and 'keypoint_weights' in results:
            found = results['keypoint_weights']
            results['keypoint_weights'] = [
                one * weights for one in found
            ] if isinstance(found, list) else found * weights
        return results


class LeanGenerateTarget(WeightedTarget):
    """Generate targets with a :class:`LeanMSRAHeatmap`."""

    @classmethod
    def can_replace(cls, transform: GenerateTarget) -> bool:
        """Whether the result is that of a given transform."""
        return (super().can_replace(transform)
                and type(transform.encoder) is MSRAHeatmap
                and not transform.encoder.unbiased)

    def adopt(self, transform: GenerateTarget) -> None:
        """Take over the state of the transform that this one replaces."""
        super().adopt(transform)
        self.encoder = LeanMSRAHeatmap.__new__(LeanMSRAHeatmap)
        vars(self.encoder).update(vars(transform.encoder))
