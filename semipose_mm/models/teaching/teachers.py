# Copyright (c) semipose_mm authors.
"""Networks that teach and are not trained: how they follow a student.

A rule says what becomes of a teacher after each step. What it needs to know
is the iteration, and whether unlabeled images teach, so a resumed training
goes on exactly; the weights themselves are in the checkpoint, below
``teachers.<name>``.
"""
from pickle import UnpicklingError
from typing import Dict, Optional, Union

from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner.checkpoint import CheckpointLoader
from mmpose.registry import MODELS
from torch import nn

from ..building import build_part
from ..networks import PARTS
from .followers import Follower, freeze_weights

#: Words that stand for something else where networks are named.
_RESERVED = ('ensemble', 'average', 'agreement', 'train', 'val')


class TeacherRule:
    """What the entries of ``model.teachers`` have in common.

    Args:
        of (int, optional): Number of the network that it follows, if any.
        norm (str): Batch norm in its passes: ``'eval'`` uses its running
            statistics, ``'train'`` those of the batch, and tracks them.
            Defaults to ``'eval'``

    Raises:
        ValueError: If a parameter is out of its range.
    """

    #: Whether validation scores it unless told what to score.
    scored = False
    #: Whether it follows until unlabeled images teach.
    until_teaching = False

    def __init__(self, of: Optional[int], norm: str = 'eval') -> None:
        self.of = of
        self.norm = check_norm(norm, f'model.teachers: norm of {self.name}')

    @property
    def name(self) -> str:
        """str: Name of the class, for messages."""
        return type(self).__name__

    def update(self, follower: Follower, iteration: int,
               iterations: int) -> None:
        """Follow the student after a step of the optimizer.

        Args:
            follower (Follower): The teacher's weights and the student's.
            iteration (int): Steps before this one.
            iterations (int): Steps of the whole training.
        """

    def end_epoch(self, follower: Follower) -> None:
        """Follow the student at the end of an epoch."""


@MODELS.register_module()
class EMATeacher(TeacherRule):
    """Exponential moving average of a network's weights and statistics.

    After step t, theta' <- m * theta' + (1 - m) * theta (Mean Teacher,
    Tarvainen and Valpola, NeurIPS 2017, eq. 1), for parameters and running
    statistics alike.

    Args:
        of (int): Number of the network that it follows.
        momentum (float, optional): m, the share that is kept, in [0.5, 1).
            MMEngine's hooks mean 1 - m by that word. Defaults to None,
            which needs ``windows``
        windows (float, optional): In the place of ``momentum``:
            m = 1 - windows / iterations, so that the average reaches back
            over 1 / windows of the training however long it is. A fixed
            0.999 still holds a third of the first weights after 1,000
            steps. Defaults to None
        warm_up (bool): Whether m is at most 1 - 1 / (t + 1), with which the
            average forgets the first weights at once (as in the released
            code of Mean Teacher). Defaults to ``True``
        until_teaching (bool): Whether it stays as it is once unlabeled
            images teach, and is then not scored unless named. Defaults to
            ``False``
        norm (str): See :class:`TeacherRule`. Defaults to ``'eval'``

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 of: int,
                 momentum: Optional[float] = None,
                 windows: Optional[float] = None,
                 warm_up: bool = True,
                 until_teaching: bool = False,
                 norm: str = 'eval') -> None:
        super().__init__(of, norm)
        if (momentum is None) == (windows is None):
            raise ValueError(
                'model.teachers: EMATeacher needs one of momentum (such as '
                '0.999) and windows (such as 20), but got '
                f'momentum={momentum} and windows={windows}')
        if momentum is not None and not 0.5 <= momentum < 1:
            raise ValueError(
                'model.teachers: momentum of EMATeacher is the share that is '
                f'kept, in [0.5, 1), but got {momentum}')
        if windows is not None and windows <= 0:
            raise ValueError('model.teachers: windows of EMATeacher must be '
                             f'above 0, but got {windows}')
        self.momentum = momentum
        self.windows = windows
        self.warm_up = warm_up
        self.until_teaching = until_teaching

    @property
    def scored(self) -> bool:
        """bool: See :class:`TeacherRule`."""
        return not self.until_teaching

    def kept(self, iteration: int, iterations: int) -> float:
        """The share that is kept after a step.

        Args:
            iteration (int): Steps before it.
            iterations (int): Steps of the whole training.
        """
        kept = self.momentum
        if kept is None:
            kept = max(0., 1 - self.windows / iterations)
        return min(kept, 1 - 1 / (iteration + 1)) if self.warm_up else kept

    def update(self, follower: Follower, iteration: int,
               iterations: int) -> None:
        """See :meth:`TeacherRule.update`."""
        follower.average(self.kept(iteration, iterations))


@MODELS.register_module()
class SnapshotTeacher(TeacherRule):
    """A network as it was some time ago.

    SSPCM keeps its networks as they were at the end of the last epoch
    (Huang et al., CVPR 2023). Before the first copy it is the network at
    the start.

    Args:
        of (int): Number of the network.
        every (int | str): Steps of the optimizer between two copies, or
            ``'epoch'``.
        norm (str): See :class:`TeacherRule`. Defaults to ``'eval'``

    Raises:
        ValueError: If a parameter is out of its range.
    """

    def __init__(self,
                 of: int,
                 every: Union[int, str],
                 norm: str = 'eval') -> None:
        super().__init__(of, norm)
        if every != 'epoch' and (not isinstance(every, int) or every < 1):
            raise ValueError(
                'model.teachers: every of SnapshotTeacher must be a number of '
                f"steps or 'epoch', but got {every!r}")
        self.every = every

    def update(self, follower: Follower, iteration: int,
               iterations: int) -> None:
        """See :meth:`TeacherRule.update`."""
        if self.every != 'epoch' and (iteration + 1) % self.every == 0:
            follower.copy()

    def end_epoch(self, follower: Follower) -> None:
        """See :meth:`TeacherRule.end_epoch`."""
        if self.every == 'epoch':
            follower.copy()


@MODELS.register_module()
class FrozenTeacher(TeacherRule):
    """A network that was trained before, of any architecture.

    It is read when a training begins, as it teaches then only, and is no
    part of the checkpoint. Its head must have outputs of the same size and
    codec as network 0's (distillation: Hinton et al., arXiv 1503.02531).

    Args:
        config (str): Config of a ``TopdownPoseEstimator``: a file, or one of
            the zoo as ``'mmpose::body_2d_keypoint/...'``.
        checkpoint (str): Its checkpoint, a file or an address.
        norm (str): See :class:`TeacherRule`. Defaults to ``'eval'``
    """

    def __init__(self,
                 config: str,
                 checkpoint: str,
                 norm: str = 'eval') -> None:
        super().__init__(None, norm)
        self.config = config
        self.checkpoint = checkpoint

    def load(self, key: str, preprocessor: nn.Module) -> nn.Module:
        """Build the network and read its weights.

        Args:
            key (str): Its config key, for messages.
            preprocessor (nn.Module): Makes the images that it sees.

        Raises:
            ValueError: If a file cannot be read, the config is of another
                kind of model, or the checkpoint of another network.
        """
        try:
            cfg = get_config(self.config) if '::' in self.config else \
                Config.fromfile(self.config)
        except (OSError, SyntaxError, ImportError, ValueError,
                KeyError) as error:
            raise ValueError(f'{key}.config is {self.config!r}, which cannot '
                             f'be read: {_first_line(error)}') from None
        model = cfg.get('model') or {}
        if str(model.get('type')).rpartition('.')[2] != 'TopdownPoseEstimator':
            raise ValueError(
                f'{key}.config has model.type {model.get("type")!r}, but must '
                "be of a 'TopdownPoseEstimator'; `semipose export` makes one "
                'of a training')
        model = {k: v for k, v in model.items() if k != 'init_cfg'}
        net = MODELS.build(model)
        theirs, ours = map(_normalization,
                           (net.data_preprocessor, preprocessor))
        if theirs != ours:
            raise ValueError(
                f'{key}.config normalizes images by {theirs}, but '
                f'model.data_preprocessor by {ours}: both networks see the '
                'same images')
        try:
            state = CheckpointLoader.load_checkpoint(
                self.checkpoint, 'cpu', logger='silent')
        except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
            raise ValueError(
                f'{key}.checkpoint is {self.checkpoint!r}, which cannot be '
                f'read: {_first_line(error)}') from None
        try:
            missing, more = net.load_state_dict(
                state.get('state_dict', state), strict=False)
            more = [k for k in more if k.partition('.')[0] in PARTS]
            wrong = f'{missing[0]} is missing' if missing else \
                more and f'it has {more[0]}, too'
        except RuntimeError as error:
            # torch names entries of another shape, one in each line
            wrong = str(error).strip().splitlines()[-1].strip()
        if wrong:
            raise ValueError(f'{key}.checkpoint {self.checkpoint} is not of '
                             f'{key}.config: {wrong}')
        return freeze_weights(net)


def _normalization(preprocessor: nn.Module) -> dict:
    """What a data preprocessor does to pixels."""
    values = {
        name: getattr(preprocessor, name).flatten().tolist()
        for name in ('mean', 'std') if hasattr(preprocessor, name)
    }
    return dict(
        values,
        swaps_channels=getattr(preprocessor, '_channel_conversion', False))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def check_norm(norm: str, key: str) -> str:
    """Check how batch norm of a teacher works.

    Raises:
        ValueError: If it is neither ``'train'`` nor ``'eval'``.
    """
    if norm not in ('train', 'eval'):
        raise ValueError(f"{key} must be 'train' or 'eval', but got {norm!r}")
    return norm


def build_rules(teachers: Dict[str, dict],
                num_networks: int) -> Dict[str, TeacherRule]:
    """Build ``model.teachers``.

    Args:
        teachers (dict): Configs by name.
        num_networks (int): Networks that are trained.

    Raises:
        ValueError: If a name or a followed network is not allowed.
    """
    if not isinstance(teachers, dict):
        raise ValueError("model.teachers must be dict(ema0=dict(type='"
                         f"EMATeacher', of=0, ...)), but got {teachers!r}")
    rules = {}
    for name, cfg in teachers.items():
        if not name.isidentifier() or name.startswith('net') or \
                name in _RESERVED or hasattr(nn.ModuleDict, name):
            raise ValueError(
                f'model.teachers has the name {name!r}, but names are words '
                "that do not begin with 'net' and mean nothing else, such as "
                "'ema0'")
        rule = build_part(cfg, f'model.teachers.{name}', ('update', 'norm'),
                          'EMATeacher, SnapshotTeacher, FrozenTeacher')
        if rule.of is not None and rule.of not in range(num_networks):
            raise ValueError(
                f'model.teachers.{name}.of is {rule.of!r}, but there are '
                f'networks 0 to {num_networks - 1}')
        rules[name] = rule
    return rules
