# Copyright (c) semipose_mm authors.
"""Who teaches whom, through which views, and what a lesson consumes."""
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import Draws, count_draws


class Route(NamedTuple):
    """A student and the networks whose mean output is its target."""
    student: int
    teachers: Tuple[int, ...]


class HardView(NamedTuple):
    """A source of images and the operations that make it hard.

    Attributes:
        source (str): Key of the batch's inputs, such as ``'easy'``.
        ops (tuple): Operations on (images, peaks, uniforms).
    """
    source: str
    ops: tuple


def parse_routes(routes: Sequence[dict], num_networks: int) -> List[Route]:
    """Check ``model.routes``.

    Args:
        routes (Sequence[dict]): Entries
            ``dict(student=0, teachers=[1])``.
        num_networks (int): Networks of the estimator.

    Raises:
        ValueError: If an entry has other keys or names an unknown network.
    """
    parsed = []
    for i, route in enumerate(routes):
        if set(route) != {'student', 'teachers'} or not route['teachers']:
            raise ValueError(
                f'model.routes[{i}] must be dict(student=<number>, '
                f'teachers=[<number>, ...]), but got {dict(route)}')
        numbers = [route['student'], *route['teachers']]
        for number in numbers:
            if number not in range(num_networks):
                raise ValueError(
                    f'model.routes[{i}] names network {number!r}, but there '
                    f'are networks 0 to {num_networks - 1} (one more for '
                    'each entry of model.peers)')
        parsed.append(Route(numbers[0], tuple(numbers[1:])))
    return parsed


def build_views(views: Sequence[dict]) -> List[HardView]:
    """Build ``model.views``: ``dict(source='easy', ops=[dict(type=...)])``."""
    built = []
    for i, view in enumerate(views):
        unknown = sorted(set(view) - {'source', 'ops'})
        if unknown or view.get('source') in (None, 'labeled', 'uniforms'):
            raise ValueError(
                f"model.views[{i}] must be dict(source='easy' or a source of "
                f'SemiPoseDataset, ops=[...]), but got {dict(view)}')
        ops = tuple(MODELS.build(op) for op in view.get('ops', ()))
        built.append(HardView(view['source'], ops))
    return built


class Lectern:
    """Routes, views and the warp of an estimator.

    Every route goes through every view. Uniforms go first to a view's
    warp, which its routes share, then to each route's operations.

    Args:
        routes (list): :class:`Route` objects.
        views (list): :class:`HardView` objects.
        warp (dict, optional): Config of the warp from easy to hard view.
    """

    def __init__(self, routes: List[Route], views: List[HardView],
                 warp: Optional[dict]) -> None:
        if routes and not views:
            raise ValueError(
                'model.routes needs at least one entry in model.views, such '
                "as dict(source='easy', ops=[])")
        self.routes = routes
        self.views = views
        self.warp = MODELS.build(warp) if warp else None

    @property
    def teachers(self) -> List[int]:
        """List[int]: Networks that see the easy view."""
        return sorted({t for route in self.routes for t in route.teachers})

    def num_uniforms(self, num_joints: int) -> int:
        """Uniforms that an unlabeled sample needs."""

        def draw(draws: Draws) -> None:
            for view in self.views:
                if self.warp:
                    self.warp.draw(draws)
                for op in view.ops * len(self.routes):
                    op.draw(draws, num_joints)

        return count_draws(draw)

    @property
    def views_differ(self) -> bool:
        """bool: Whether the routes of a view see different images."""
        return any(view.ops for view in self.views)

    def check_inputs(self, inputs: Dict[str, Tensor], num_joints: int) -> None:
        """Check that a batch has what the views need.

        Raises:
            KeyError: If a source is missing.
            ValueError: If there are too few uniforms.
        """
        for i, view in enumerate(self.views):
            if view.source not in inputs:
                raise KeyError(
                    f'model.views[{i}].source is {view.source!r}, but the '
                    f'batch has {sorted(inputs)}: train_dataloader.dataset '
                    'must be a SemiPoseDataset with unlabeled_ratio >= 1 and '
                    'that entry in its sources')
        needed = self.num_uniforms(num_joints)
        if inputs['uniforms'].shape[1] < needed:
            raise ValueError(
                'train_dataloader.dataset.num_uniforms is '
                f'{inputs["uniforms"].shape[1]}, but the hard views in '
                f'model.views and model.warp need {needed}')

