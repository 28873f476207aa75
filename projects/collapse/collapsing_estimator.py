# Copyright (c) semipose_mm authors.
"""An estimator that collapses: consistency of two equally hard views."""
from typing import Dict, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.models import SemiPoseEstimator
from semipose_mm.models.outputs import HeatmapOutput
from semipose_mm.models.teaching import Deal
from semipose_mm.structures import SemiPoseInputs, TeachingStep, ViewWarp
from semipose_mm.structures.geometry import valid_region, warp
from semipose_mm.structures.semi_batch import Lesson


@MODELS.register_module()
class CollapsingEstimator(SemiPoseEstimator):
    """One network that shall say the same of two equally hard views.

    It takes the config of a ``SemiPoseEstimator`` with one network, one route
    and two views a and b without operations, so that the warp alone makes
    them hard, and differs from it in the unlabeled loss alone:

        unsup_weight * (l(f(x_a), T_ba(f(x_b))) + l(f(x_b), T_ab(f(x_a))))

    where T_ab moves heatmaps from view a to view b. No view is the easier
    one, and gradients flow through both sides of each term, so agreeing on
    background is as good as agreeing on the joint. As both views teach, the
    heatmaps of both are recorded where the library records those of the easy
    view, which is not run.

    Args:
        **kwargs: See :class:`SemiPoseEstimator`.

    Raises:
        ValueError: If there are not one network, one route, two views
            without operations and a warp.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        views = self.lectern.views
        if not isinstance(self.output, HeatmapOutput):
            raise ValueError('CollapsingEstimator needs a HeatmapHead, but '
                             f'got {type(self.head).__name__}')
        if (self.num_networks != 1 or len(self.lectern.routes) != 1
                or len(views) != 2 or any(view.ops for view in views)
                or self.lectern.warp is None):
            raise ValueError(
                'CollapsingEstimator needs model.peers=[], one entry in '
                'model.routes, two in model.views without ops, and a '
                f'model.warp, but got {self.num_networks - 1} peers, '
                f'{len(self.lectern.routes)} routes, views {views} and warp '
                f'{self.lectern.warp}')

    def _unlabeled_losses(self, inputs: SemiPoseInputs,
                          step: TeachingStep) -> Dict[str, Tensor]:
        """Difference between the network's heatmaps of two hard views."""
        self.lectern.check_inputs(inputs)
        deal = Deal(inputs['uniforms'])
        draws = [
            deal.take(self.lectern.warp.num_uniforms)
            for _ in self.lectern.views
        ]
        warps = [self.lectern.warp(draw, self.output.codec) for draw in draws]
        images = [
            view_warp.images(inputs[view.source])
            for view, view_warp in zip(self.lectern.views, warps)
        ]
        heatmaps = [self.output.run(self, x) for x in images]
        step.easy = {0: torch.cat(heatmaps).detach()}
        loss = 0
        for p in (0, 1):
            target, weights = move_heatmaps(heatmaps[1 - p], warps[1 - p],
                                            warps[p])
            # unlike in the library, the target keeps its gradient
            loss = loss + self.output.loss(self.head, heatmaps[p], target,
                                           weights)
            step.lessons.append(
                Lesson(0, p, images[p], target.detach(), weights,
                       heatmaps[p].detach()))
        return {'net0/loss_unsup': self.unsup_weight * loss}


def move_heatmaps(heatmaps: Tensor, source: ViewWarp,
                  target: ViewWarp) -> Tuple[Tensor, Tensor]:
    """Move heatmaps from one hard view to another, with their gradient.

    Args:
        heatmaps (Tensor): (U, K, h, w) in the frame of ``source``.
        source (ViewWarp): Warp from the easy view to where they are.
        target (ViewWarp): Warp from the easy view to where they go.

    Returns:
        tuple: Heatmaps (U, K, h, w) in the frame of ``target`` and weights
        (U, K, h, w): 1 where both views lie inside the easy crop.
    """
    # warps map output to input: target -> easy -> source
    back = _square(source.heatmap_theta).inverse()
    theta = (back @ _square(target.heatmap_theta))[:, :2]
    moved = warp(heatmaps, theta, target.align_corners)
    size = heatmaps.shape[-1], heatmaps.shape[-2]
    weights = valid_region(theta, size).expand_as(moved)
    return moved, weights if target.valid is None else weights * target.valid


def _square(theta: Tensor) -> Tensor:
    """(B, 2, 3) as homogeneous (B, 3, 3)."""
    row = theta.new_tensor([0., 0., 1.]).expand(len(theta), 1, 3)
    return torch.cat([theta, row], 1)
