# Copyright (c) semipose_mm authors.
"""Decoded poses go into data samples, which share what is not predicted."""
import copy
from typing import NamedTuple

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import SampleList

from .prediction import Poses


def shallow_copies(data_samples: SampleList) -> SampleList:
    """Samples that may be given other predictions.

    Args:
        data_samples (list): Data samples.

    Returns:
        list: New ones with the same objects in them.
    """
    return [_shallow_copy(sample) for sample in data_samples]


def _shallow_copy(sample: PoseDataSample) -> PoseDataSample:
    """A sample with the fields of another and names of its own."""
    copied = copy.copy(sample)
    # samples refuse to have these two set
    vars(copied).update(
        _data_fields=set(sample._data_fields),
        _metainfo_fields=set(sample._metainfo_fields))
    return copied


class CropFrames(NamedTuple):
    """Where the crops of a batch lie in their images.

    Attributes:
        size (np.ndarray): Of the crops in input pixels, (B, 1, 2).
        scale (np.ndarray): Of the crops in image pixels, (B, 1, 2).
        center (np.ndarray): (B, 1, 2) in image pixels.
    """
    size: np.ndarray
    scale: np.ndarray
    center: np.ndarray

    @classmethod
    def from_samples(cls, data_samples: SampleList) -> 'CropFrames':
        """Read the frames of data samples."""
        return cls(*(np.stack([getattr(d, key) for d in data_samples])[:, None]
                     for key in ('input_size', 'input_scale', 'input_center')))

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Map points (B, K, 2) as ``add_pred_to_datasample`` does."""
        mapped = points / self.size * self.scale + self.center \
            - 0.5 * self.scale
        return mapped.astype(points.dtype)


def attach(poses: Poses, frames: CropFrames,
           data_samples: SampleList) -> SampleList:
    """Do what ``add_pred_to_datasample`` does, for a batch.

    Args:
        poses (Poses): In input space.
        frames (CropFrames): Of the samples.
        data_samples (list): They get ``pred_instances``.

    Returns:
        list: The data samples.
    """
    keypoints = frames.to_image(poses.keypoints)
    for i, sample in enumerate(data_samples):
        truth = sample.gt_instances
        one = slice(i, i + 1)
        fields = dict(
            keypoints=keypoints[one],
            keypoint_scores=poses.scores[one],
            keypoints_visible=poses.visible[one],
            bboxes=truth.bboxes,
            bbox_scores=truth.bbox_scores)
        instances = InstanceData()
        for name, value in fields.items():
            # attributes would compare lengths with all others again
            instances.set_field(value, name)
        sample.pred_instances = instances
    return data_samples
