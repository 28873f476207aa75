# Copyright (c) semipose_mm authors.
"""PCK and its area under the curve, relative to the ground truth box."""
from typing import Dict, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from .distances import labeled_distances


@METRICS.register_module()
class BoxPCK(BaseMetric):
    """Share of keypoints that lie close to the truth for the object's size.

    The error of a keypoint is its distance in the image from the annotated
    position, divided by the longer side of the annotated box. PCK@t is the
    share of errors below t among all visible keypoints of the dataset, each
    counting the same (``PCKAccuracy`` averages within each kind of keypoint
    first). AUC is the mean PCK over a range of thresholds. Keypoints that
    are not annotated (visibility 0 or below) or whose box has no extent do
    not count, wherever they are; with none left, the scores are nan.

    Args:
        thr (Sequence[float]): Thresholds; each gives a score
            ``PCK@<threshold>``. Defaults to (0.05, 0.1, 0.2)
        auc_thr (Sequence[float]): Thresholds whose mean PCK is ``AUC``.
            Defaults to 0.01, 0.02, ..., 0.20
        collect_device (str): Where results of all ranks are collected,
            ``'cpu'`` or ``'gpu'``. Defaults to ``'cpu'``
        prefix (str, optional): Put before the scores' names. Defaults to
            ``None``, no prefix
    """

    # an empty string, since None makes the parent class warn
    default_prefix = ''

    def __init__(self,
                 thr: Sequence[float] = (0.05, 0.1, 0.2),
                 auc_thr: Sequence[float] = tuple(np.arange(1, 21) / 100),
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        for key, values in dict(thr=thr, auc_thr=auc_thr).items():
            if not isinstance(values, Sequence) or len(values) == 0 or \
                    not all(value > 0 for value in values):
                raise ValueError(f'BoxPCK.{key} is {values!r}, but must be a '
                                 'list of positive numbers')
        self.thr = tuple(thr)
        self.auc_thr = tuple(auc_thr)

    def process(self, data_batch: Sequence[dict],
                data_samples: Sequence[dict]) -> None:
        """Keep the relative errors of one batch.

        Args:
            data_batch (Sequence[dict]): A batch of data from the dataloader.
            data_samples (Sequence[dict]): Predictions with ground truth.
        """
        for sample in data_samples:
            distances, labeled = labeled_distances(sample, type(self).__name__)
            boxes = np.asarray(
                sample['gt_instances']['bboxes'], dtype=np.float64)
            sides = (boxes[:, 2:] - boxes[:, :2]).max(-1)  # (N, )
            labeled = labeled & (sides > 0)[:, None]  # (N, K)
            sides = np.broadcast_to(sides[:, None], labeled.shape)
            self.results.append(distances[labeled] / sides[labeled])

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the scores from all errors.

        Args:
            results (list): Relative errors of each sample.

        Returns:
            Dict[str, float]: ``PCK@0.05`` and the like, and ``AUC``.
        """
        errors = np.concatenate(results) if results else np.zeros(0)
        MMLogger.get_current_instance().info(
            f'BoxPCK over {len(errors)} visible keypoints of {len(results)} '
            'samples')

        def pck(threshold: float) -> float:
            return float((errors < threshold).mean()) if len(errors) else \
                float('nan')

        scores = {f'PCK@{thr:g}': pck(thr) for thr in self.thr}
        scores['AUC'] = float(np.mean([pck(thr) for thr in self.auc_thr]))
        return scores
