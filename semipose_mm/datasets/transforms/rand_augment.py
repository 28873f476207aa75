# Copyright (c) semipose_mm authors.
"""RandAugment and TrivialAugment: photometric distortion of images."""
from typing import Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS
from PIL import Image

from .photometric import NUM_UNIFORMS, OPERATIONS

#: Magnitudes are given on a scale of so many steps.
MAX_MAGNITUDE = 30


@TRANSFORMS.register_module()
class RandAugment(BaseTransform):
    """Apply random photometric operations, none of them geometric.

    ``num_ops`` operations are drawn with replacement, all equally likely,
    and each is always applied, with the same magnitude (RandAugment, Cubuk
    et al., NeurIPS 2020, with the operations and ranges of PoseDual's
    released code, Xie et al., ICCV 2021). At magnitude 20 of 30 these are:
    AutoContrast; Equalize; Invert; Posterize to 4 bits; Solarize from 85.3;
    SolarizeAdd of 73.3; Color, Contrast, Brightness and Sharpness by the
    factor 0.4 or 1.6; CutoutAbs of a square of 53.3 pixels.

    It belongs into a source of :class:`EasyHardPair`, where the easy view
    stays as it is, or into a labeled pipeline; behind the crop in both.

    Required Keys:

        - img: (H, W, 3), uint8, BGR

    Modified Keys:

        - img

    Args:
        num_ops (int): Number of operations. Defaults to 2
        magnitude (float): From 0 to 30. Defaults to 20
        ops (Sequence[str], optional): The operations to draw from, of
            :data:`OPERATIONS`. Defaults to None, which means all eleven

    Raises:
        ValueError: If a parameter is out of its range, or ``ops`` names
            something else.
    """

    def __init__(self,
                 num_ops: int = 2,
                 magnitude: float = 20,
                 ops: Optional[Sequence[str]] = None) -> None:
        super().__init__()
        if num_ops < 1:
            raise ValueError(f'{self.__class__.__name__} got num_ops='
                             f'{num_ops}; it must be at least 1')
        if not 0 <= magnitude <= MAX_MAGNITUDE:
            raise ValueError(
                f'{self.__class__.__name__} got magnitude='
                f'{magnitude}; it must be in [0, {MAX_MAGNITUDE}]')
        self.ops = list(OPERATIONS if ops is None else ops)
        unknown = [op for op in self.ops if op not in OPERATIONS]
        if unknown or not self.ops:
            raise ValueError(f'{self.__class__.__name__} got ops={self.ops}; '
                             'allowed are one or more of '
                             f'{", ".join(OPERATIONS)}')
        self.num_ops = num_ops
        self.magnitude = magnitude

    @cache_randomness
    def _draw(self) -> Tuple[List[str], np.ndarray, List[float]]:
        """Draw the operations and what they need.

        Returns:
            tuple:
            - names (list[str]): ``num_ops`` names
            - uniforms (np.ndarray): Variates in shape (num_ops, 3)
            - magnitudes (list[float]): ``num_ops`` magnitudes
        """
        names = [
            self.ops[i]
            for i in np.random.randint(len(self.ops), size=self.num_ops)
        ]
        uniforms = np.random.rand(self.num_ops, NUM_UNIFORMS)
        return names, uniforms, self._magnitudes()

    def _magnitudes(self) -> List[float]:
        """The magnitude of each of the ``num_ops`` operations."""
        return [self.magnitude] * self.num_ops

    def transform(self, results: Dict) -> Optional[dict]:
        """The transform function of :class:`RandAugment`.

        See ``transform()`` method of :class:`BaseTransform` for details.

        Args:
            results (dict): The result dict

        Returns:
            dict: The result dict.
        """
        image = results['img']
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f'{self.__class__.__name__} needs an image of shape (H, W, 3) '
                f'and type uint8, but got {image.shape}, {image.dtype}')
        # Pillow thinks in RGB
        picture = Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        for name, uniforms, magnitude in zip(*self._draw()):
            picture = OPERATIONS[name](picture, magnitude / MAX_MAGNITUDE,
                                       uniforms)
        results['img'] = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR)
        return results

    def __repr__(self) -> str:
        """Print the basic information of the transform.

        Returns:
            str: Formatted string.
        """
        repr_str = self.__class__.__name__
        repr_str += f'(num_ops={self.num_ops}, '
        repr_str += f'magnitude={self.magnitude}, '
        repr_str += f'ops={self.ops})'
        return repr_str


@TRANSFORMS.register_module()
class TrivialAugment(RandAugment):
    """Apply one random photometric operation with a random magnitude.

    One operation of :class:`RandAugment` is drawn, all equally likely, and
    its magnitude is uniform from 0 to the largest (TrivialAugment, Mueller &
    Hutter, ICCV 2021; there are no geometric operations, as in MultiAugs, Xu
    et al., arXiv 2402.11566).

    Required Keys:

        - img: (H, W, 3), uint8, BGR

    Modified Keys:

        - img

    Args:
        magnitude (float): The largest, from 0 to 30. Defaults to 30
        ops (Sequence[str], optional): See :class:`RandAugment`.

    Raises:
        ValueError: If a parameter is out of its range, or ``ops`` names
            something else.
    """

    def __init__(self,
                 magnitude: float = MAX_MAGNITUDE,
                 ops: Optional[Sequence[str]] = None) -> None:
        super().__init__(1, magnitude, ops)

    def _magnitudes(self) -> List[float]:
        """See :meth:`RandAugment._magnitudes`."""
        return np.random.uniform(0, self.magnitude, self.num_ops).tolist()

    def __repr__(self) -> str:
        """Print the basic information of the transform.

        Returns:
            str: Formatted string.
        """
        repr_str = self.__class__.__name__
        repr_str += f'(magnitude={self.magnitude}, '
        repr_str += f'ops={self.ops})'
        return repr_str
