# Copyright (c) semipose_mm authors.
"""What a training costs: passes by its config, minutes by its own steps."""
import time
from typing import (TYPE_CHECKING, Callable, Iterator, List, NamedTuple,
                    Optional, Tuple)

from mmengine.device import get_device
from mmengine.optim import build_optim_wrapper

from semipose_mm.analysis.compute import step_compute, training_compute
from semipose_mm.data_files import Findings
from semipose_mm.datasets import semi_collate

if TYPE_CHECKING:
    from .check import Built

#: Steps that are measured at most, and seconds after which no other begins.
STEPS, SECONDS = 10, 30.
#: Config key of the number that decides about memory.
BATCH_SIZE = 'train_dataloader.batch_size'


class StepTimes(NamedTuple):
    """Seconds of an iteration.

    Attributes:
        alone (float): On labels alone.
        teaching (float): With unlabeled images.
        steps (int): Steps that were counted.
    """
    alone: float
    teaching: float
    steps: int


class Costs(NamedTuple):
    """What a training costs.

    Attributes:
        passes (float): Forward and backward passes of an image.
        labels_alone (float): Those of one network on labels alone.
        minutes (float, optional): On this machine, if it was measured.
        steps (int): Steps that were measured.
    """
    passes: float
    labels_alone: float
    minutes: Optional[float] = None
    steps: int = 0

    def lines(self) -> Iterator[str]:
        """Iterate a line of passes, and one of minutes."""
        million = self.passes >= 1e6
        number = f'{self.passes / 1e6:.1f} million' if million else \
            f'{self.passes:,.0f}'
        yield (f'compute: {number} passes of an image forward and backward, '
               f'{self.passes / self.labels_alone:.1f} times those of labels '
               'alone')
        if self.minutes is not None:
            yield (f'time: about {max(1, round(self.minutes)):,} minutes on '
                   f'this machine, measured on {self.steps} training steps, '
                   'without validation and the reading of images')


def training_costs(built: 'Built', burn_in: int, timing: bool,
                   findings: Findings) -> Costs:
    """Count, and measure if asked for.

    Args:
        built (Built): A config and what it builds.
        burn_in (int): Iterations on labels alone.
        timing (bool): Whether steps are measured.
        findings (Findings): Learns of a step that fails.

    Returns:
        Costs: What the training costs.
    """
    cfg = built.cfg
    iterations = cfg.train_cfg.max_iters
    size = cfg.train_dataloader.batch_size
    costs = Costs(training_compute(cfg, iterations), size * iterations)
    if not timing:
        return costs
    try:
        times = measure_steps(built)
    except (RuntimeError, ValueError, MemoryError) as error:
        text = (str(error).splitlines() or [type(error).__name__])[0]
        # on CPU its lack is no type of its own
        if isinstance(error, MemoryError) or 'memory' in text:
            findings.warn(
                'memory',
                BATCH_SIZE,
                f'is {size}, but a step of the training does not fit into '
                f'the memory of this machine ({text})',
                advice='Make it smaller by --batch-size, or set '
                'model.early_backward=True')
        else:
            findings.warn('training step', 'a step of the training',
                          f'fails: {text}')
        return costs
    seconds = burn_in * times.alone + (iterations - burn_in) * times.teaching
    return costs._replace(minutes=seconds / 60, steps=times.steps)


def measure_steps(built: 'Built',
                  steps: int = STEPS,
                  seconds: float = SECONDS) -> StepTimes:
    """Train for a few steps, on the device that a training would use.

    The batch is one item, as often as the config has it in a batch: images
    are not read, as workers of a training do that meanwhile. Weights are
    random ones, and nothing is written. The first step of a kind is not
    counted if there are others. Steps on labels alone and those with
    unlabeled images share what is allowed; if the first took all the time,
    that of the second is its multiple by passes.

    Args:
        built (Built): A config and what it builds; its model is trained.
        steps (int): Most steps. Defaults to :data:`STEPS`
        seconds (float): No step begins after that. Defaults to
            :data:`SECONDS`

    Returns:
        StepTimes: Their seconds.
    """
    cfg, model = built.cfg, built.model.to(get_device()).train()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = semi_collate([built.item] * cfg.train_dataloader.batch_size)
    some = next(p for p in model.parameters() if p.requires_grad)

    def step() -> None:
        model.train_step(batch, optimizer)
        # a device is done when a value comes back
        some.flatten()[0].item()

    model.set_unsup_weight(0.)
    if not model.plan.routes:
        alone, num = _measure(step, steps, seconds)
        return StepTimes(alone, alone, num)
    begin = time.perf_counter()
    alone, num = _measure(step, steps // 2, seconds / 2)
    if time.perf_counter() - begin > seconds:
        ratio = cfg.train_dataloader.dataset.get('unlabeled_ratio', 1)
        compute = step_compute(cfg.model, ratio)
        return StepTimes(alone, alone * compute.teaching / compute.alone, num)
    model.set_unsup_weight(model.base_unsup_weight)
    teaching, more = _measure(step, steps - steps // 2, seconds / 2)
    return StepTimes(alone, teaching, num + more)


def _measure(step: Callable[[], None], steps: int,
             seconds: float) -> Tuple[float, int]:
    """Mean seconds of steps, and how many were counted."""
    taken: List[float] = []
    while len(taken) < steps and sum(taken) < seconds:
        begin = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begin)
    # the first one warms up
    counted = taken[1:] or taken
    return sum(counted) / len(counted), len(counted)
