# Copyright (c) semipose_mm authors.
"""Joints of which several teachers, or several views, say the same."""
from itertools import combinations
from typing import Any, Optional, Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.models.outputs import HeadOutput
from semipose_mm.models.teaching.targets import pair_distances, picked
from .base import Selection


def _several(outputs: Sequence[Any], positions: Optional[Sequence[int]],
             name: str) -> Sequence[Any]:
    """Two outputs or more that are compared."""
    used = picked(outputs, positions, 'model.routes[].select.outputs')
    if len(used) < 2:
        raise ValueError(
            f'model.routes[].select is {name}, but it has one output to '
            'compare: name two teachers or more in model.routes[].teachers, '
            "or model.teacher_pass=dict(type='MultiViewPass')")
    return used


@MODELS.register_module()
class AgreementSelection(Selection):
    """Joints that the teachers see in nearly the same place.

    With d the largest distance between the peaks of two outputs, in parts of
    the diagonal of the input image: the weight is 0 where d >= thr, else 1
    or, if ``soft``, 1 - d. SSPCM (Huang et al., CVPR 2023) knows both for
    its two teachers, with thr = 0.6; ScarceNet (Li and Lee, CVPR 2023) asks
    two views for 0.6 heatmap pixels, 0.0066 of a diagonal of 64 x 64.

    Args:
        thr (float, optional): As above, above 0; ``None`` keeps all.
            Defaults to 0.05
        soft (bool): As above. Defaults to ``False``
        outputs (Sequence[int], optional): Positions of the outputs that are
            compared. Defaults to ``None``, all

    Raises:
        ValueError: If the threshold is not above 0.
    """

    def __init__(self,
                 thr: Optional[float] = 0.05,
                 soft: bool = False,
                 outputs: Optional[Sequence[int]] = None) -> None:
        super().__init__()
        if thr is not None and not thr > 0:
            raise ValueError('model.routes[].select.thr of '
                             'AgreementSelection must be None or above 0, but '
                             f'got {thr}')
        self.thr = thr
        self.soft = soft
        self.outputs = outputs

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`."""
        used = _several(outputs, self.outputs, 'AgreementSelection')
        pairs = list(combinations(range(len(used)), 2))
        width, height = output.codec.input_size
        diagonal = (width**2 + height**2)**0.5
        distances = pair_distances(output, used, pairs).amax(0) / diagonal
        weights = 1 - distances if self.soft else torch.ones_like(distances)
        return weights if self.thr is None else weights * (
            distances < self.thr)

    def extra_repr(self) -> str:
        """What the module's ``repr`` tells."""
        return f'thr={self.thr}, soft={self.soft}, outputs={self.outputs}'


@MODELS.register_module()
class ScoreDifferenceSelection(Selection):
    """Joints that the teachers are equally sure of.

    The weight is 1 - (max_n c_n - min_n c_n), at least 0, of the outputs'
    confidences c_n (SSPCM, Huang et al., CVPR 2023, an option of the
    released code).

    Args:
        outputs (Sequence[int], optional): Positions of the outputs that are
            compared. Defaults to ``None``, all
    """

    def __init__(self, outputs: Optional[Sequence[int]] = None) -> None:
        super().__init__()
        self.outputs = outputs

    @torch.no_grad()
    def forward(self, output: HeadOutput, outputs: Sequence[Any],
                combined: Any, progress: float) -> Tensor:
        """See :meth:`Selection.forward`."""
        used = _several(outputs, self.outputs, 'ScoreDifferenceSelection')
        scores = torch.stack([output.peaks(part)[1] for part in used])
        return (1 - (scores.amax(0) - scores.amin(0))).clamp(min=0)

    def extra_repr(self) -> str:
        """What the module's ``repr`` tells."""
        return f'outputs={self.outputs}'
