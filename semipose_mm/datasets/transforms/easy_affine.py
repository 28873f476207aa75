# Copyright (c) semipose_mm authors.
"""EasyAffine: scale and rotation of the paper's easy view."""
from typing import Dict, Optional, Tuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class EasyAffine(BaseTransform):
    """Randomly resize and rotate the bounding boxes, as the paper does.

    The scale is normal with mean 1 and deviation ``scale_factor``, clipped
    at one deviation; the rotation is normal with mean 0 and deviation
    ``rotate_factor``, clipped at two. Clipping, unlike the truncation of
    :class:`mmpose.datasets.RandomBBoxTransform`, leaves 31.7 % of the scales
    exactly on a bound. A scale above 1 makes the person smaller. There is no
    shift.

    Required Keys:

        - bbox_scale

    Modified Keys:

        - bbox_scale

    Added Keys:

        - bbox_rotation

    Args:
        scale_factor (float): Deviation of the scale, and its largest
            distance from 1. Defaults to 0.25
        rotate_factor (float): Deviation of the rotation in degrees, and half
            its bound. Defaults to 30.0
        rotate_prob (float): Probability of rotating. Defaults to 0.6
    """

    def __init__(self,
                 scale_factor: float = 0.25,
                 rotate_factor: float = 30.,
                 rotate_prob: float = 0.6) -> None:
        super().__init__()
        for name, value, fine, allowed in (('scale_factor', scale_factor,
                                            0 <= scale_factor < 1, '[0, 1)'),
                                           ('rotate_factor', rotate_factor,
                                            rotate_factor >= 0, '[0, inf)'),
                                           ('rotate_prob', rotate_prob,
                                            0 <= rotate_prob <= 1, '[0, 1]')):
            if not fine:
                raise ValueError(
                    f'EasyAffine got {name}={value}; it must be in {allowed}')
        self.scale_factor = scale_factor
        self.rotate_factor = rotate_factor
        self.rotate_prob = rotate_prob

    @cache_randomness
    def _get_transform_params(
            self, num_bboxes: int) -> Tuple[np.ndarray, np.ndarray]:
        """Draw the transform of each box.

        Args:
            num_bboxes (int): The number of boxes.

        Returns:
            tuple:
            - scale (np.ndarray): Scaling factors in shape (n, 1)
            - rotation (np.ndarray): Rotations in degrees in shape (n, )
        """
        scale = np.clip(
            np.random.normal(1., self.scale_factor, (num_bboxes, 1)),
            1. - self.scale_factor, 1. + self.scale_factor)
        rotation = np.clip(
            np.random.normal(0., self.rotate_factor, num_bboxes),
            -2. * self.rotate_factor, 2. * self.rotate_factor)
        rotation = np.where(
            np.random.rand(num_bboxes) < self.rotate_prob, rotation, 0.)
        return scale.astype(np.float32), rotation.astype(np.float32)

    def transform(self, results: Dict) -> Optional[dict]:
        """The transform function of :class:`EasyAffine`.

        See ``transform()`` method of :class:`BaseTransform` for details.

        Args:
            results (dict): The result dict

        Returns:
            dict: The result dict.
        """
        bbox_scale = results['bbox_scale']
        scale, rotation = self._get_transform_params(bbox_scale.shape[0])
        results['bbox_scale'] = bbox_scale * scale
        results['bbox_rotation'] = rotation
        return results

    def __repr__(self) -> str:
        """Print the basic information of the transform.

        Returns:
            str: Formatted string.
        """
        repr_str = self.__class__.__name__
        repr_str += f'(scale_factor={self.scale_factor}, '
        repr_str += f'rotate_factor={self.rotate_factor}, '
        repr_str += f'rotate_prob={self.rotate_prob})'
        return repr_str
