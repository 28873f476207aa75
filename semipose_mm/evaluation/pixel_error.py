# Copyright (c) semipose_mm authors.
"""Errors of keypoints in pixels of the image."""
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from semipose_mm.files import csv_bytes, write_all
from .distances import STATISTICS, labeled_distances, summarize


def error_rows(errors: np.ndarray,
               joints: Sequence[str]) -> List[Dict[str, object]]:
    """Sum errors up, of all joints together and of each.

    Args:
        errors (np.ndarray): In pixels, (N, K); nan where nothing is labeled.
        joints (Sequence[str]): Names of the K joints.

    Returns:
        list[dict]: ``joint`` (``'all'`` for all of them), ``mean``,
        ``median`` and ``95%`` in pixels, and ``values``, how many labeled
        joints there are.
    """
    parts = [('all', errors), *zip(joints, errors.T)]
    return [dict(joint=name, **summarize(part)) for name, part in parts]


@METRICS.register_module()
class PixelError(BaseMetric):
    """Distances of keypoints from their labels, in pixels of the image.

    All labeled keypoints of the dataset count the same; others do not count,
    wherever they are. ``EPE`` is the mean, as MMPose's metric of this name
    gives it; the median and the quantile that 95 %
    of the errors do not exceed are beside it. With nothing labeled they are
    nan.

    Args:
        out_file_path (str, optional): A csv file for the errors of each
            keypoint and of all: ``joint,mean,median,95%,values``, the last
            being the number of labeled ones. ``{network}`` in it becomes the
            name of the network. Defaults to ``None``, no file
        collect_device (str): Where results of all ranks are collected,
            ``'cpu'`` or ``'gpu'``. Defaults to ``'cpu'``
        prefix (str, optional): Put before the scores' names. Defaults to
            ``None``, no prefix

    Raises:
        ValueError: If ``out_file_path`` does not end in ``.csv``.
    """

    # an empty string, since None makes the parent class warn
    default_prefix = ''

    def __init__(self,
                 out_file_path: Optional[str] = None,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if out_file_path is not None and not out_file_path.endswith('.csv'):
            raise ValueError(f'PixelError.out_file_path is {out_file_path!r}, '
                             'but must end in .csv')
        self.out_file_path = out_file_path

    def process(self, data_batch: Sequence[dict],
                data_samples: Sequence[dict]) -> None:
        """Keep the errors of one batch.

        Args:
            data_batch (Sequence[dict]): A batch of data from the dataloader.
            data_samples (Sequence[dict]): Predictions with ground truth.
        """
        for sample in data_samples:
            distances, labeled = labeled_distances(sample, 'PixelError')
            self.results.append(np.where(labeled, distances, np.nan))

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the scores from all errors, and write the csv file.

        Args:
            results (list): Errors (N, K) of each sample.

        Returns:
            Dict[str, float]: ``EPE``, ``EPE median`` and ``EPE 95%``.
        """
        errors = np.concatenate(results)
        names = self.dataset_meta['keypoint_id2name']
        total, *joints = rows = error_rows(
            errors, [names[i] for i in range(errors.shape[1])])
        MMLogger.get_current_instance().info(
            f'PixelError over {total["values"]} labeled keypoints of '
            f'{len(errors)} instances; the median is highest for ' +
            ', '.join(f'{row["joint"]} ({row["median"]:.3g} px)'
                      for row in sorted((row
                                         for row in joints if row['values']),
                                        key=lambda row: -row['median'])[:3]))
        if self.out_file_path is not None:
            write_all({
                self.out_file_path:
                csv_bytes([list(rows[0]), *(row.values() for row in rows)])
            })
        mean, *others = STATISTICS
        return {
            'EPE': total[mean],
            **{
                f'EPE {name}': total[name]
                for name in others
            }
        }
