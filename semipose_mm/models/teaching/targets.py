# Copyright (c) semipose_mm authors.
"""What a route's teachers see becomes the target of its student.

Entries of ``model.routes[].target``. Outputs are numbered by their position
in the route: one for each of its teachers and, with a teacher pass of several
views, for each view of the first teacher, then of the second, and so on.
"""
from itertools import combinations
from typing import Any, Optional, Sequence, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import ViewWarp
from ..building import build_part
from ..outputs import HeadOutput, HeatmapOutput


def picked(outputs: Sequence[Any], positions: Optional[Sequence[int]],
           key: str) -> Sequence[Any]:
    """Outputs of a route by their positions.

    Args:
        outputs (Sequence): Outputs of the route's teachers.
        positions (Sequence[int], optional): ``None`` stands for all.
        key (str): Config key of the positions, for the message.

    Raises:
        ValueError: If there is no such output.
    """
    if positions is None:
        return outputs
    if not len(positions):
        raise ValueError(f'{key} must be None or name an output, but got []')
    for position in positions:
        if position not in range(len(outputs)):
            raise ValueError(
                f'{key} names output {position!r}, but the route has '
                f'outputs 0 to {len(outputs) - 1}: one for each of its '
                'teachers (and view of model.teacher_pass)')
    return [outputs[position] for position in positions]


def pair_distances(output: HeadOutput, outputs: Sequence[Any],
                   pairs: Sequence[Tuple[int, int]]) -> Tensor:
    """How far apart the peaks of pairs of outputs are.

    Args:
        output (HeadOutput): Reads them.
        outputs (Sequence): Outputs of the route's teachers.
        pairs (Sequence): Positions in ``outputs``.

    Returns:
        Tensor: (P, U, K) in input pixels, float32.
    """
    points = {
        i: output.peaks(outputs[i])[0]
        for i in sorted(set(sum(pairs, ())))
    }
    return torch.stack([(points[i] - points[j]).square().sum(-1).sqrt()
                        for i, j in pairs])


def first_smallest(values: Tensor) -> Tensor:
    """Where (P, U, K) are smallest along P; of equal ones, the first."""
    # argmin may return any of equal ones
    numbers = torch.arange(len(values), device=values.device)[:, None, None]
    least = values == values.amin(0)
    return numbers.where(least, len(values) - 1).amin(0)


@MODELS.register_module()
class MeanTarget:
    """Mean of the teachers' outputs, of what the loss compares.

    One teacher's output is the target as it is, as in PoseDual (Xie et al.,
    ICCV 2021).

    Args:
        outputs (Sequence[int], optional): Positions in the route's list of
            those that are averaged; the others may serve the selection.
            Defaults to ``None``, all
    """

    def __init__(self, outputs: Optional[Sequence[int]] = None) -> None:
        if outputs is not None and not len(outputs):
            raise ValueError('model.routes[].target.outputs of MeanTarget '
                             'must be None or name an output, but got []')
        self.outputs = None if outputs is None else tuple(outputs)

    def check(self, output: HeadOutput) -> None:
        """Refuse, before any training, what no target can be made of.

        Args:
            output (HeadOutput): The kind of the networks' outputs.

        Raises:
            TypeError: If it cannot.
        """

    def combine(self, output: HeadOutput, outputs: Sequence[Any]) -> Any:
        """Make one output of several, in the frame of the easy view.

        Args:
            output (HeadOutput): Their kind.
            outputs (Sequence): Float32 outputs of the route's teachers.

        Raises:
            ValueError: If positions name no output.
        """
        return output.mean(
            picked(outputs, self.outputs, 'model.routes[].target.outputs'))

    def make(self, output: HeadOutput, combined: Any,
             view_warp: Optional[ViewWarp]) -> Tuple[Any, Tensor]:
        """Turn what :meth:`combine` has made into the target of a view.

        Args:
            output (HeadOutput): Its kind.
            combined: An output on the easy view.
            view_warp (ViewWarp, optional): From the easy to the hard view.

        Returns:
            tuple: A target in the form of an output, and weights (U, K) or
            (U, K, h, w).
        """
        return output.make_target(combined, view_warp)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(outputs={self.outputs})'


@MODELS.register_module()
class MaximumTarget(MeanTarget):
    """Largest value of the teachers at each pixel, or of each bin.

    For SimCC the largest probability of each bin, normalized anew.

    Args:
        outputs (Sequence[int], optional): See :class:`MeanTarget`.
    """

    def combine(self, output: HeadOutput, outputs: Sequence[Any]) -> Any:
        """See :meth:`MeanTarget.combine`."""
        return output.maximum(
            picked(outputs, self.outputs, 'model.routes[].target.outputs'))


@MODELS.register_module()
class BestPairTarget(MeanTarget):
    """Mean of the pair of teachers that agrees best, for each joint.

    d_p = |peak(h_i) - peak(h_j)| for the pair p = (i, j); the target of a
    joint is (h_i + h_j) / 2 of the pair with the smallest d_p, the first of
    equal ones (position inconsistency of SSPCM: Huang et al.,
    "Semi-Supervised 2D Human Pose Estimation Driven by Position Inconsistency
    Pseudo Label Correction Module", CVPR 2023). SSPCM's pairs for the
    teachers ``[A, B, A_last, B_last]`` are ``[(0, 1), (2, 1), (0, 3),
    (2, 3)]``.

    Args:
        pairs (Sequence, optional): Pairs of positions in the route's list of
            outputs. Defaults to ``None``, all pairs
    """

    def __init__(self,
                 pairs: Optional[Sequence[Tuple[int, int]]] = None) -> None:
        super().__init__()
        for pair in () if pairs is None else pairs:
            if len(pair) != 2 or pair[0] == pair[1]:
                raise ValueError(
                    'model.routes[].target.pairs of BestPairTarget must be '
                    f'pairs of different outputs, but got {tuple(pair)}')
        if pairs is not None and not len(pairs):
            raise ValueError('model.routes[].target.pairs of BestPairTarget '
                             'must be None or have a pair, but got []')
        self.pairs = None if pairs is None else [tuple(pair) for pair in pairs]

    def combine(self, output: HeadOutput, outputs: Sequence[Any]) -> Any:
        """See :meth:`MeanTarget.combine`."""
        pairs = self.pairs or list(combinations(range(len(outputs)), 2))
        if not pairs:
            raise ValueError(
                'model.routes[].target is BestPairTarget, but its route has '
                'one output: name two teachers or more in '
                'model.routes[].teachers')
        key = 'model.routes[].target.pairs'
        means = [output.mean(picked(outputs, pair, key)) for pair in pairs]
        distances = pair_distances(output, outputs, pairs)
        return output.choose(means, first_smallest(distances))

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(pairs={self.pairs})'


class _ChangedTarget(MeanTarget):
    """A target that is another one, changed.

    Args:
        of (dict): Config of the other. Defaults to
            ``dict(type='MeanTarget')``
    """

    def __init__(self, of: Optional[dict] = None) -> None:
        super().__init__()
        self.of = build_part(
            of or dict(type='MeanTarget'), 'model.routes[].target.of',
            ('check', 'combine', 'make'), 'MeanTarget, BestPairTarget')
        if type(self.of).make is not MeanTarget.make:
            raise ValueError(
                f'model.routes[].target.of of {type(self).__name__} is '
                f'{type(self.of).__name__}, whose own way to make targets '
                'would be lost: let the latter be the outer one')

    def check(self, output: HeadOutput) -> None:
        """See :meth:`MeanTarget.check`."""
        self.of.check(output)

    def combine(self, output: HeadOutput, outputs: Sequence[Any]) -> Any:
        """See :meth:`MeanTarget.combine`."""
        return self.of.combine(output, outputs)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(of={self.of})'


@MODELS.register_module()
class HeightNormalizedTarget(_ChangedTarget):
    """Heatmaps that are scaled so that each joint's peak has height 1.

    A map h becomes h / max(h), before any warp; a map whose peak is below
    ``min_height`` becomes h / min_height, so that background is not made a
    joint. For heatmaps only: SimCC targets are encoded anew and have the
    height of labels.

    Args:
        of (dict): Config of the target that is scaled. Defaults to
            ``dict(type='MeanTarget')``
        min_height (float): As above, in (0, 1]. Defaults to 0.05
    """

    def __init__(self,
                 of: Optional[dict] = None,
                 min_height: float = 0.05) -> None:
        super().__init__(of)
        if not 0 < min_height <= 1:
            raise ValueError(
                'model.routes[].target.min_height of HeightNormalizedTarget '
                f'must be in (0, 1], but got {min_height}')
        self.min_height = min_height

    def check(self, output: HeadOutput) -> None:
        """See :meth:`MeanTarget.check`."""
        super().check(output)
        if not isinstance(output, HeatmapOutput):
            raise TypeError(
                'model.routes[].target is HeightNormalizedTarget, but the '
                'networks have no heatmaps: SimCC targets are encoded anew '
                'and have the height of labels. Leave it out')

    def combine(self, output: HeadOutput, outputs: Sequence[Any]) -> Any:
        """See :meth:`MeanTarget.combine`."""
        combined = super().combine(output, outputs)
        height = combined.amax((-2, -1), keepdim=True)
        return combined / height.clamp(min=self.min_height)

    def __repr__(self) -> str:
        return f'{super().__repr__()[:-1]}, min_height={self.min_height})'


@MODELS.register_module()
class RenderedTarget(_ChangedTarget):
    """What the codec makes of the joints that the teachers see.

    Joints are found between pixels, moved as points and encoded by the
    codec's formula after the warp, so that a target has the form of a label:
    one peak of height 1, without what else the teachers see (ScarceNet: Li
    and Lee, "ScarceNet: Animal Pose Estimation with Scarce Annotations", CVPR
    2023; Pseudo-HMs: Yu et al., "Denoising and Selecting Pseudo-Heatmaps for
    Semi-Supervised Human Pose Estimation", WACV 2024). How sure the teachers
    are is lost; a selection can weigh by it, such as
    ``ScoreSelection(power=2)``. SimCC targets are made like this anyway, but
    weigh by it without a selection.

    Args:
        of (dict): Config of the target whose joints are rendered. Defaults
            to ``dict(type='MeanTarget')``
    """

    def check(self, output: HeadOutput) -> None:
        """See :meth:`MeanTarget.check`."""
        super().check(output)
        output.check_rendering()

    def make(self, output: HeadOutput, combined: Any,
             view_warp: Optional[ViewWarp]) -> Tuple[Any, Tensor]:
        """See :meth:`MeanTarget.make`."""
        return output.render_target(combined, view_warp)
