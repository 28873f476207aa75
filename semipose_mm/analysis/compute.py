# Copyright (c) semipose_mm authors.
"""What a training computes, so that methods can be compared at equal cost.

Counted is what nearly all of the time goes into: passes of the networks. One
forward and backward pass of one image through one network is the unit, a
forward pass without gradient a third of it.
"""
from typing import Any, Mapping, NamedTuple, Optional

from semipose_mm.engine.shares import to_iterations

#: A forward pass beside a forward and a backward pass.
FORWARD = 1 / 3


class StepCompute(NamedTuple):
    """Passes of an iteration for each labeled sample.

    Attributes:
        alone (float): On labels alone.
        teaching (float): With unlabeled images.
    """
    alone: float
    teaching: float

    def total(self, batch_size: int, iterations: int, burn_in: int) -> float:
        """Passes of a training.

        Args:
            batch_size (int): Labeled samples of an iteration.
            iterations (int): Iterations.
            burn_in (int): Those on labels alone at the start.
        """
        alone = min(burn_in, iterations)
        return batch_size * (
            alone * self.alone + (iterations - alone) * self.teaching)

    def mean(self, burn_in: float) -> float:
        """Passes of an iteration for each labeled sample, over a training.

        Args:
            burn_in (float): The share on labels alone at its start.
        """
        return burn_in * self.alone + (1 - burn_in) * self.teaching


def step_compute(model: Mapping[str, Any],
                 unlabeled_ratio: int = 1) -> StepCompute:
    """Count the passes of an iteration.

    Args:
        model (dict): Config of a ``SemiPoseEstimator`` or a stock model.
        unlabeled_ratio (int): Unlabeled samples of a labeled one. Defaults
            to 1

    Returns:
        StepCompute: Of each labeled sample.
    """
    networks = 1 + len(model.get('peers') or ())
    alone = networks * max(1, len(model.get('labeled_views') or ()))
    routes, views = model.get('routes') or (), model.get('views') or ()
    students = sum(len(one.get('views', views)) for one in routes)
    teachers = {key for one in routes for key in one['teachers']}
    how = model.get('teacher_pass') or {}
    images = dict(
        FlippedPass=2, MultiViewPass=how.get('num',
                                             2)).get(how.get('type'), 1)
    unlabeled = students + FORWARD * images * len(teachers)
    return StepCompute(alone, alone + unlabeled_ratio * unlabeled)


def training_compute(cfg: Mapping[str, Any],
                     iterations: int,
                     epoch: Optional[int] = None,
                     began: Optional[int] = None) -> Optional[float]:
    """Count the passes of a training's first iterations on one process.

    Args:
        cfg (Config): Its config.
        iterations (int): Iterations that were done.
        epoch (int, optional): Iterations of an epoch, for a burn-in that is a
            share of ``train_cfg.max_epochs``. Defaults to None
        began (int, optional): Iterations before unlabeled images taught, for
            ``burn_in='auto'``. Defaults to None, never

    Returns:
        float, optional: Passes, or None where the model, the size of batches
        or the length of such a burn-in is not known.
    """
    loader = cfg.get('train_dataloader') or {}
    size, dataset = loader.get('batch_size'), loader.get('dataset') or {}
    if size is None or not cfg.get('model'):
        return None
    compute = step_compute(cfg['model'], dataset.get('unlabeled_ratio', 1))
    burn_in = 0
    for hook in cfg.get('custom_hooks') or ():
        burn_in = hook.get('burn_in', burn_in)
    if burn_in == 'auto':
        burn_in = iterations if began is None else began
    elif isinstance(burn_in, float) and burn_in < 1:
        loop = cfg.get('train_cfg') or {}
        whole = loop.get('max_iters') or (epoch or 0) * loop.get(
            'max_epochs', 0)
        if not whole:
            return None
        burn_in = to_iterations(burn_in, whole)
    return compute.total(size, iterations, int(burn_in))
