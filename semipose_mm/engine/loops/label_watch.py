# Copyright (c) semipose_mm authors.
"""Do labels teach anything?

Looks at batches before they go to the device, without a runner.
"""
from typing import Any, List, Optional

import numpy as np
from mmpose.structures import PoseDataSample
from torch import Tensor

from semipose_mm.structures import stack_labels

#: Iterations within which some joint must have weight.
WATCHED = 10
# samples by which the cause is told
_KEPT = 64


class LabelWatch:
    """Watches the first batches for joints with weight.

    A joint that is not labeled or lies outside its crop has no weight; a
    batch without any has a supervised loss of exactly 0, from which nothing
    is learned.

    Attributes:
        seen (bool): Whether any joint had weight, or batches have no weights
            to look at.
    """

    def __init__(self) -> None:
        self.seen = False
        self._looks = 0
        self._samples: List[PoseDataSample] = []

    def look(self, batch: Any) -> bool:
        """Take a batch from the dataloader.

        Args:
            batch (dict): Of :class:`SemiPoseDataset` or of a stock dataset.

        Returns:
            bool: Whether it was the last one to look at.
        """
        self._looks += 1
        if not self.seen and self._looks <= WATCHED:
            samples = _labeled_samples(batch)
            weights = _weights(batch, samples)
            self.seen = weights is None or bool((weights > 0).any())
            self._samples += samples[:_KEPT - len(self._samples)]
        return self._looks == WATCHED

    def explain(self) -> str:
        """One line that says why there is no weight."""
        samples = [s for s in self._samples if 'gt_instances' in s]
        line = (f'no labeled joint has weight in the first {self._looks} '
                'iterations, so the supervised loss is exactly 0 and nothing '
                'is learned: ')
        if not samples:
            return line + 'no labeled joint lies inside its crop. Check ' \
                'boxes, joints and categories of the labels'
        boxes = _stacked(samples, 'bboxes', (1, 4))
        joints = _stacked(samples, 'keypoints', (-1, 2))
        visible = np.stack([_visible(s) for s in samples])
        first = samples[0]
        example = f' (first: {first.get("img_path", "?")}, box corners ' \
            f'{np.round(boxes[0, 0], 2).tolist()}'
        if not (visible > 0).any():
            return line + 'no joint is labeled, their visibility is 0. ' \
                'Check the third number of the keypoints'
        labeled = joints[0][visible[0] > 0]
        if len(labeled):
            example += f', labeled joints from {_round(labeled.min(0))} to ' \
                f'{_round(labeled.max(0))}'
        example += ')'
        small = ((boxes[:, 0, 2:] - boxes[:, 0, :2]) < 1).all(-1)
        if small.mean() > 0.5:
            return line + 'boxes are smaller than a pixel, as if normalised ' \
                f'to 0..1{example}; they must be x, y, width, height in pixels'
        inside = ((joints >= boxes[..., :2]) &
                  (joints <= boxes[..., 2:])).all(-1)[visible > 0].mean()
        if inside < 0.5:
            return line + 'no labeled joint lies inside its crop, and ' \
                f'{inside:.0%} of them in their boxes{example}. Likely the ' \
                'boxes are not x, y, width, height, or boxes and joints are ' \
                'of different image sizes or normalised to 0..1'
        return line + 'labeled joints lie in their boxes, but not in their ' \
            f'crops{example}, or their weights are 0: check the transforms ' \
            'of the labeled pipeline, joint_weights of the metainfo, the ' \
            'category and the order of keypoints'


def _labeled_samples(batch: Any) -> List[PoseDataSample]:
    """The labeled samples of a batch, none of one that has none."""
    samples = batch.get('data_samples') if isinstance(batch, dict) else None
    if isinstance(samples, dict):
        samples = samples.get('labeled')
    return [s for s in samples or () if isinstance(s, PoseDataSample)]


def _weights(batch: Any, samples: List[PoseDataSample]) -> Optional[Tensor]:
    """Weights of joints (B, K), None if it is not known where they are."""
    labels = None
    if samples:
        labels = isinstance(batch['data_samples'], dict) and \
            batch['data_samples'].get('labels') or stack_labels(samples)
    return (labels or {}).get('keypoint_weights')


def _stacked(samples: List[PoseDataSample], name: str,
             shape: tuple) -> np.ndarray:
    """A field of samples, each in a shape."""
    return np.stack([
        np.asarray(s.gt_instances[name], dtype=float).reshape(shape)
        for s in samples
    ])


def _visible(sample: PoseDataSample) -> np.ndarray:
    """Visibilities (K, ); MMPose also has (1, K, 2), with weights."""
    visible = np.asarray(sample.gt_instances.keypoints_visible)
    return (visible[..., 0] if visible.ndim == 3 else visible).reshape(-1)


def _round(point: np.ndarray) -> list:
    return np.round(point, 1).tolist()
