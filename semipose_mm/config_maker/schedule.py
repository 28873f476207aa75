# Copyright (c) semipose_mm authors.
"""How long to train on so many samples: numbers from numbers."""
from typing import List, NamedTuple, Optional

from semipose_mm.engine.shares import to_iterations

#: Passes over labels and over unlabeled samples that a training makes.
LABELED_PASSES, UNLABELED_PASSES = 100, 10
#: Fewest and most iterations.
ITERATIONS = (3000, 100_000)
#: Shortest and longest burn-in, and ramp-up.
BURN_IN = (400, 5000)
WARM_UP = (50, 500)


class Schedule(NamedTuple):
    """Numbers of a training.

    Attributes:
        batch_size (int): Labeled samples of an iteration, each with an
            unlabeled partner.
        iterations (int): Iterations of the training.
        burn_in (int): Those on labels alone at its beginning.
        ramp_up (int): Those in which the weight of the unlabeled loss grows.
        warm_up (int): Those in which the learning rate grows.
        milestones (list[int]): Where it falls.
        val_interval (int): Iterations between validations.
    """
    batch_size: int
    iterations: int
    burn_in: int
    ramp_up: int
    warm_up: int
    milestones: List[int]
    val_interval: int

    def begin(self, share: Optional[float]) -> 'Schedule':
        """The same with a burn-in that is a share of it, and no ramp-up.

        Args:
            share (float, optional): None changes nothing.
        """
        if share is None:
            return self
        return self._replace(
            burn_in=to_iterations(share, self.iterations), ramp_up=0)


def _clamp(value: int, limits) -> int:
    return min(max(value, limits[0]), limits[1])


def plan_schedule(num_labels: int,
                  num_unlabeled: int,
                  batch_size: Optional[int] = None,
                  iterations: Optional[int] = None) -> Schedule:
    """Scale a training to the amount of data.

    Args:
        num_labels (int): Labeled instances.
        num_unlabeled (int): Unlabeled instances, 0 without any.
        batch_size (int, optional): Defaults to 32, or the largest power of
            two that either number reaches.
        iterations (int, optional): Defaults to 100 passes over the labels or
            10 over the unlabeled samples, whichever is longer, within
            :data:`ITERATIONS`.

    Returns:
        Schedule: The numbers.
    """
    # the loader drops an incomplete batch
    fewest = min(num_labels, num_unlabeled or num_labels, 32)
    size = batch_size or 1 << (fewest.bit_length() - 1)
    if iterations is None:
        passes = max(LABELED_PASSES * num_labels,
                     UNLABELED_PASSES * num_unlabeled)
        iterations = _clamp(-(-passes // (size * 100)) * 100, ITERATIONS)
    burn_in = ramp_up = min(_clamp(iterations // 5, BURN_IN), iterations // 4)
    warm_up = min(_clamp(iterations // 20, WARM_UP), max(1, iterations // 4))
    milestones = [iterations * 7 // 10, iterations * 9 // 10]
    return Schedule(size, iterations, burn_in, ramp_up, warm_up, milestones,
                    max(1, iterations // 10))
