# Copyright (c) semipose_mm authors.
"""Who teaches whom, through which views, and what of it is drawn."""
from typing import (Any, Callable, Dict, List, NamedTuple, Optional, Sequence,
                    Tuple, Union)

from torch import Tensor, nn

from semipose_mm.structures import (CodecGeometry, Draws, ViewWarp,
                                    count_draws, matrix_name)
from semipose_mm.structures.geometry import matrix_warp
from ..building import build_part, check_list

#: str: Operations of hard views, for messages.
OPERATIONS = 'JointCutout, JointCutOcclude, Cutout, CutMix, MixUp, ' \
    'BlockShuffle'
#: A trained network by its number, or a teacher by its name.
NetworkKey = Union[int, str]


class Route(NamedTuple):
    """A student, its teachers, and how they teach it.

    Attributes:
        student (int): Number of the network.
        teachers (tuple): Numbers and names of those that teach it.
        target: Makes one target of their outputs, such as
            :class:`MeanTarget`.
        select (nn.Module, optional): Weighs joints by them.
        views (tuple[int]): Numbers of the hard views.
    """
    student: int
    teachers: Tuple[NetworkKey, ...]
    target: Any
    select: Optional[nn.Module]
    views: Tuple[int, ...]


class HardView(NamedTuple):
    """A source of images and the operations that make it hard.

    Attributes:
        source (str): Key of the batch's inputs, such as ``'easy'``.
        ops (tuple): Operations before the warp.
        shuffle: One after it, whose effect on features is undone, or None.
        warped (bool): Whether there is a warp.
        cropped (bool): Whether the source itself is a crop of its own, which
            the operations act on.
    """
    source: str
    ops: tuple
    shuffle: Any = None
    warped: bool = True
    cropped: bool = False

    def draw(self, draws: Draws, num_joints: int) -> list:
        """Draw what the operations need, in their order."""
        ops = self.ops if self.shuffle is None else (*self.ops, self.shuffle)
        return [op.draw(draws, num_joints) for op in ops]

    def images(
        self, images: Tensor, peaks: Optional[Tensor], drawn: list,
        warp: Optional[ViewWarp]
    ) -> Tuple[Tensor, Optional[Callable[[Any], Any]]]:
        """Make a view.

        Args:
            images (Tensor): (U, 3, H, W), normalized.
            peaks (Tensor, optional): Joints (U, K, 2) in input pixels; views
                without operations need none.
            drawn (list): What :meth:`draw` returned.
            warp (ViewWarp, optional): Comes after the operations, or is
                where the source was cropped.

        Returns:
            tuple: Images (U, 3, H, W), and what the network's features have
            to go through, or None.
        """
        if self.cropped:
            peaks = warp.points(peaks)
        for op, one in zip(self.ops, drawn):
            images = op.apply(images, peaks, one)
        if warp is not None and not self.cropped:
            images = warp.images(images)
        if self.shuffle is None:
            return images, None
        shuffle, one = self.shuffle, drawn[-1]
        return shuffle.apply(images, peaks, one), \
            lambda features: shuffle.restore(features, one)


class Drawn(NamedTuple):
    """Everything that is random in the unlabeled part of a step.

    Attributes:
        passes (dict): What each teacher's pass needs, by its key.
        warps (list): The :class:`ViewWarp` of each view, or None.
        ops (dict): What the operations need, by (view, route).
    """
    passes: Dict[NetworkKey, Any]
    warps: List[Optional[ViewWarp]]
    ops: Dict[Tuple[int, int], list]


class TeachingPlan(nn.Module):
    """Routes, views and the warp of an estimator.

    Every route goes through the views that it names, all by default.
    Uniforms go first to the teachers' passes, then for each view to its
    warp, which its routes share, and to each route's operations.

    Args:
        routes (Sequence[dict]): ``model.routes``: ``dict(student=0,
            teachers=[1])``, and any of ``target``, ``select`` and
            ``views``.
        views (Sequence[dict]): ``model.views``: ``dict(source='easy',
            ops=[dict(type=...)])``, and ``warp=False`` for one that is not
            warped, or ``warp='crop'`` where the source is a
            :class:`HardCrop`.
        warp (dict, optional): ``model.warp``, from easy to hard view.
        share_warp (bool): ``model.share_warp``: one draw for all views,
            as in MultiAugs and SSPCM.
        teacher_pass (dict): ``model.teacher_pass``.
        labeled_views (Sequence[dict]): ``model.labeled_views``:
            ``dict(ops=[...])``, and ``warp=True`` for one that is warped.
        networks (Sequence): Numbers and names of the networks.

    Raises:
        ValueError: If an entry has other keys or names what is not there.
    """

    def __init__(self, routes: Sequence[dict], views: Sequence[dict],
                 warp: Optional[dict], share_warp: bool, teacher_pass: dict,
                 labeled_views: Sequence[dict],
                 networks: Sequence[NetworkKey]) -> None:
        super().__init__()
        self.num_trained = sum(not isinstance(key, str) for key in networks)
        if not isinstance(share_warp, bool):
            raise ValueError('model.share_warp must be True or False, but got '
                             f'{share_warp!r}')
        self.views = build_views(views, 'model.views')
        self.routes = [
            _parse_route(f'model.routes[{i}]', route, networks,
                         len(self.views)) for i, route in enumerate(
                             check_list(routes, 'model.routes',
                                        'dict(student=0, teachers=[1])'))
        ]
        if routes and not views:
            raise ValueError(
                'model.routes needs at least one entry in model.views, such '
                "as dict(source='easy', ops=[])")
        self.labeled_views = build_views(labeled_views, 'model.labeled_views',
                                         'labeled')
        if any(view.warped for view in self.labeled_views) and not warp:
            raise ValueError('model.labeled_views has an entry with '
                             'warp=True, but there is no model.warp')
        self.warp = warp and build_part(warp, 'model.warp',
                                        ('view_warp', ), 'HardAffine')
        self.share_warp = share_warp
        self.teacher_pass = build_part(
            teacher_pass, 'model.teacher_pass', ('draw', '__call__'),
            'PlainPass, FlippedPass, MultiViewPass')
        # so that what they remember is in the checkpoint
        self.selections = nn.ModuleDict({
            str(i): route.select
            for i, route in enumerate(self.routes) if route.select is not None
        })

    @property
    def teachers(self) -> List[NetworkKey]:
        """list: Networks that see the easy view: numbers, then names."""
        keys = {t for route in self.routes for t in route.teachers}
        return sorted(keys, key=lambda key: (isinstance(key, str), key))

    @property
    def views_differ(self) -> bool:
        """bool: Whether some student sees images that are its own."""
        views = [self.views[p] for route in self.routes for p in route.views]
        return any(view.ops or view.shuffle for view in views)

    def draw(self, draws: Draws, codec: CodecGeometry,
             num_joints: int) -> Drawn:
        """Draw all that is random in a step.

        Args:
            draws (Draws): Uniforms of the unlabeled samples.
            codec (CodecGeometry): Sizes of input and any heatmap.
            num_joints (int): Joints of the networks.
        """
        passes = {
            key: self.teacher_pass.draw(draws, codec)
            for key in self.teachers
        }
        shared = self.warp and self.share_warp and self.warp(draws, codec)
        warps, ops = [], {}
        for p, view in enumerate(self.views):
            if self.warp is None or not view.warped:
                warps.append(None)
            else:
                warps.append(shared or self.warp(draws, codec))
            for r, route in enumerate(self.routes):
                if p in route.views:
                    ops[p, r] = view.draw(draws, num_joints)
        return Drawn(passes, warps, ops)

    def warp_of(self, view: int, drawn: Drawn, inputs: Dict[str, Tensor],
                codec: CodecGeometry) -> Optional[ViewWarp]:
        """The motion from the easy to a hard view.

        Args:
            view (int): Number of the view.
            drawn (Drawn): What was drawn.
            inputs (dict): The batch, which has those of its crops.
            codec (CodecGeometry): Sizes of input and any heatmap.
        """
        if not self.views[view].cropped:
            return drawn.warps[view]
        matrix = inputs[matrix_name(self.views[view].source)]
        return matrix_warp(matrix, codec)

    def draw_labeled(
            self, draws: Draws, codec: CodecGeometry,
            num_joints: int) -> List[List[Tuple[Optional[ViewWarp], list]]]:
        """Draw warps and operations of labeled views.

        Args:
            draws (Draws): Uniforms of the labeled samples.
            codec (CodecGeometry): Sizes of input and any heatmap.
            num_joints (int): Joints of the networks.

        Returns:
            list: For each trained network, and each view.
        """
        return [[(self.warp(draws, codec) if view.warped else None,
                  view.draw(draws, num_joints)) for view in self.labeled_views]
                for _ in range(self.num_trained)]

    def check_inputs(self,
                     inputs: Dict[str, Tensor],
                     codec: CodecGeometry,
                     num_joints: int,
                     plain: bool = False) -> None:
        """Check that a batch has what the views need.

        Args:
            inputs (dict): Its inputs.
            codec (CodecGeometry): Sizes of input and any heatmap.
            num_joints (int): Joints of the networks.
            plain (bool): Whether there are labeled images alone, as of a
                stock dataset. Defaults to ``False``

        Raises:
            KeyError: If a source is missing.
            ValueError: If there are too few uniforms or samples.
        """
        views = self.views if self.routes and not plain else ()
        for i, view in enumerate(views):
            if view.source not in inputs:
                raise KeyError(
                    f'model.views[{i}].source is {view.source!r}, but the '
                    f'batch has {sorted(inputs)}: train_dataloader.dataset '
                    'must be a SemiPoseDataset with unlabeled_ratio >= 1 and '
                    'that entry in its sources')
            found = matrix_name(view.source) in inputs
            if view.cropped != found:
                allowed = "'crop'" if found else 'True or False'
                raise ValueError(
                    f'model.views[{i}].warp must be {allowed}, as its source '
                    f'{view.source!r} is {"a" if found else "no"} crop of its '
                    'own (HardCrop)')
        for key, name, draw in (('labeled_views', 'labeled_uniforms',
                                 self.draw_labeled), ('views', 'uniforms',
                                                      self.draw)):
            if name == 'uniforms' and not views:
                continue
            needed = count_draws(lambda draws: draw(draws, codec, num_joints))
            found = inputs[name].shape[1] if name in inputs else 0
            if found < needed:
                raise ValueError(
                    f'train_dataloader.dataset.num_uniforms is {found}, but '
                    f'model.{key} need {needed}'
                    f'{"" if found else " (of a SemiPoseDataset)"}')
        for key, own, name in (('labeled_views', self.labeled_views,
                                'labeled'), ('views', views, 'uniforms')):
            if any(op.needs_donor for x in own for op in x.ops) and \
                    len(inputs[name]) < 2:
                raise ValueError(
                    f'model.{key} has an operation that takes pixels of '
                    'another sample, but there is one in a batch: set '
                    'train_dataloader.batch_size to at least 2, and '
                    'drop_last=True')


def build_views(views: Sequence[dict],
                key: str,
                source: Optional[str] = None) -> List[HardView]:
    """Build ``model.views`` or ``model.labeled_views``.

    Args:
        views (Sequence[dict]): ``dict(source='easy', ops=[...])``.
        key (str): Their config key, for messages.
        source (str, optional): The one that all views have. Defaults to
            None, which lets each entry say it.

    Raises:
        ValueError: If an entry has other keys or operations.
    """
    built = []
    example = 'dict(ops=[...])' if source else \
        "dict(source='easy', ops=[...])"
    for i, view in enumerate(check_list(views, key, example)):
        unknown = sorted(set(view) - {'source', 'ops', 'warp'})
        own, warped = view.get('source', source), view.get('warp', not source)
        reserved = (None, 'labeled', 'uniforms', 'labeled_uniforms')
        wrong = own != source if source else own in reserved
        cropped = warped == 'crop' and not source
        if unknown or wrong or not (cropped or isinstance(warped, bool)):
            raise ValueError(
                f'{key}[{i}] must be {example}'
                f'{"" if source else " of a source of SemiPoseDataset"}, and '
                f'may have warp=True{"" if source else ", " + repr("crop")} '
                f'or False, but got {dict(view)}')
        ops = [
            build_part(op, f'{key}[{i}].ops[{j}]', ('draw', 'apply'),
                       OPERATIONS)
            for j, op in enumerate(
                check_list(
                    view.get('ops', (
                    )), f'{key}[{i}].ops', "dict(type='JointCutout')"))
        ]
        late = [getattr(op, 'after_warp', False) for op in ops]
        if any(late[:-1]):
            raise ValueError(f'{key}[{i}].ops has '
                             f'{type(ops[late.index(True)]).__name__} before '
                             'others, but it acts on the warped view: put it '
                             'last')
        shuffle = ops.pop() if late and late[-1] else None
        built.append(
            HardView(own, tuple(ops), shuffle, warped is True, cropped))
    return built


def _parse_route(key: str, route: dict, networks: Sequence[NetworkKey],
                 num_views: int) -> Route:
    """Check an entry of ``model.routes``."""
    known = {'student', 'teachers', 'target', 'select', 'views'}
    if not {'student', 'teachers'} <= set(route) <= known or \
            route['teachers'] in ([], (), None):
        raise ValueError(
            f'{key} must be dict(student=<number>, teachers=[<number or name>'
            ', ...]), and may have target, select and views, but got '
            f'{dict(route)}')
    teachers = route['teachers']
    if not isinstance(teachers, (list, tuple)) or not all(
            isinstance(key, (int, str)) for key in teachers) or \
            len(set(teachers)) < len(teachers):
        raise ValueError(f'{key}.teachers must be a list of different numbers '
                         f'and names, but got {teachers!r}')
    for network in (route['student'], *teachers):
        if network not in networks:
            raise ValueError(
                f'{key} names network {network!r}, but there are '
                f'{", ".join(map(str, networks))} (one more for each entry of '
                'model.peers and of model.teachers)')
    if isinstance(route['student'], str):
        raise ValueError(f'{key}.student is {route["student"]!r}, but only '
                         'networks with a number are trained')
    views = route.get('views', range(num_views))
    if not isinstance(views, (list, tuple, range)) or not views or \
            not set(views) <= set(range(num_views)):
        raise ValueError(f'{key}.views is {views!r}, but must be a list of '
                         f'numbers of the {num_views} entries of model.views')
    target = build_part(
        route.get('target', dict(type='MeanTarget')), f'{key}.target',
        ('check', 'combine', 'make'),
        'MeanTarget, BestPairTarget, RenderedTarget')
    select = route.get('select')
    if select is not None:
        select = build_part(
            select, f'{key}.select', ('refine', 'prepare'),
            'ScoreSelection, QuantileSelection, '
            'AgreementSelection, ProductSelection')
    return Route(route['student'], tuple(teachers), target, select,
                 tuple(views))
