# Copyright (c) semipose_mm authors.
"""Which item comes when: a pure function of (seed, epoch, position).

``position`` counts the items of all ranks in the order of time, ``step``
counts them over the epochs: ``step = epoch * len(dataset) + position``. The
labeled half of an item depends on (seed, step) alone. So it is the same for
every number of ranks and workers, for every ratio of unlabeled partners, and
after a resume.
"""
import math
from functools import lru_cache
from typing import Iterator, NamedTuple, Optional, Sized, Tuple

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from .seeding import stream

# Second number of a stream's path: what is drawn from it.
ITEM, UNLABELED_ORDER, LABELED_BLOCK, LABELED_DRAWS = range(4)

# Labeled draws with replacement are made in chunks of this many items.
CHUNK = 1024


class SemiIndex(NamedTuple):
    """What :class:`SemiPoseDataset` is asked for.

    Args:
        labeled (int): Index into the labeled dataset.
        unlabeled (tuple[int]): Indices into the unlabeled dataset, one per
            partner; empty in a supervised baseline.
        seed (int): The seed of everything that is drawn for the item.
    """

    labeled: int
    unlabeled: Tuple[int, ...]
    seed: int


def item_seed(seed: int, step: int) -> int:
    """Get the seed of the item at a step, a 63 bit integer."""
    sequence = np.random.SeedSequence((seed, ITEM, step))
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


@lru_cache(maxsize=4)
def unlabeled_order(seed: int, epoch: int, num_unlabeled: int) -> np.ndarray:
    """Get the order of the unlabeled dataset in an epoch, shape (N_u, )."""
    return stream(seed, UNLABELED_ORDER, epoch).permutation(num_unlabeled)


@lru_cache(maxsize=4)
def labeled_block(seed: int, block: int, num_labeled: int) -> np.ndarray:
    """Get the order of the labeled dataset in its block, shape (N_l, )."""
    return stream(seed, LABELED_BLOCK, block).permutation(num_labeled)


@lru_cache(maxsize=4)
def labeled_draws(seed: int, chunk: int, num_labeled: int) -> np.ndarray:
    """Get labeled indices drawn with replacement, shape (CHUNK, )."""
    return stream(seed, LABELED_DRAWS, chunk).integers(num_labeled, size=CHUNK)


def labeled_index(seed: int,
                  step: int,
                  num_labeled: int,
                  replacement: bool = False) -> int:
    """Get the labeled index at a step.

    Without replacement, block after block of ``num_labeled`` steps has its
    own permutation: at any time, the counts of two labels differ by at most
    one.

    Args:
        seed (int): The seed of the sampler.
        step (int): The step, counted over the epochs.
        num_labeled (int): Length of the labeled dataset.
        replacement (bool): Whether to draw with replacement. Defaults to
            False.

    Returns:
        int: Index into the labeled dataset.
    """
    if replacement:
        chunk, offset = divmod(step, CHUNK)
        return int(labeled_draws(seed, chunk, num_labeled)[offset])
    block, offset = divmod(step, num_labeled)
    return int(labeled_block(seed, block, num_labeled)[offset])


def unlabeled_indices(seed: int, epoch: int, position: int, ratio: int,
                      num_unlabeled: int) -> Tuple[int, ...]:
    """Get the unlabeled indices at a position of an epoch.

    The last item of an epoch is filled up from the epoch's beginning.

    Args:
        seed (int): The seed of the sampler.
        epoch (int): The epoch.
        position (int): The position in the epoch.
        ratio (int): Number of unlabeled partners of an item.
        num_unlabeled (int): Length of the unlabeled dataset.

    Returns:
        tuple[int]: ``ratio`` indices into the unlabeled dataset.
    """
    if ratio == 0:
        return ()
    order = unlabeled_order(seed, epoch, num_unlabeled)
    first = position * ratio
    return tuple(
        int(order[i % num_unlabeled]) for i in range(first, first + ratio))


@DATA_SAMPLERS.register_module()
class SemiPoseSampler(Sampler):
    """Sampler of a :class:`SemiPoseDataset`.

    Rank ``r`` of ``W`` gets the positions ``r, r + W, r + 2 W, ...`` of an
    epoch, padded to a multiple of ``W`` by wrapping. The order is always a
    shuffled one: an epoch is one permutation of the unlabeled dataset, and
    the labels come by permutations as well, block after block.

    Args:
        dataset (Sized): The :class:`SemiPoseDataset`. Given by the Runner.
        seed (int, optional): The seed, equal on all ranks. Given by the
            Runner. If None, a random one that the ranks agree on. Defaults
            to None.
        labeled_replacement (bool): Whether the labeled partners are drawn
            with replacement, as in the paper, instead. Defaults to False.

    Attributes:
        seed (int): May be set, also after construction.
        start (int): The items of this rank that the next iteration skips;
            later iterations skip none. For resuming inside an epoch.
    """

    def __init__(self,
                 dataset: Sized,
                 seed: Optional[int] = None,
                 labeled_replacement: bool = False) -> None:
        for name in ('num_labeled', 'num_unlabeled', 'unlabeled_ratio'):
            if not hasattr(dataset, name):
                raise TypeError(
                    'train_dataloader.sampler is a SemiPoseSampler, which '
                    'works with train_dataloader.dataset=dict('
                    "type='SemiPoseDataset', ...) only, but the dataset is "
                    f'a {type(dataset).__name__}')
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.seed = sync_random_seed() if seed is None else seed
        self.labeled_replacement = labeled_replacement
        self.epoch = 0
        self.start = 0

    def item(self, epoch: int, position: int) -> SemiIndex:
        """Get the item at a position of an epoch, counted over all ranks."""
        length, seed = len(self.dataset), self.seed
        position = position % length
        step = epoch * length + position
        return SemiIndex(
            labeled=labeled_index(seed, step, self.dataset.num_labeled,
                                  self.labeled_replacement),
            unlabeled=unlabeled_indices(seed, epoch, position,
                                        self.dataset.unlabeled_ratio,
                                        self.dataset.num_unlabeled),
            seed=item_seed(seed, step))

    def __iter__(self) -> Iterator[SemiIndex]:
        """Iterate the items of this rank in the current epoch."""
        start, self.start = self.start, 0
        epoch = self.epoch
        return (self.item(epoch, i * self.world_size + self.rank)
                for i in range(start, len(self)))

    def __len__(self) -> int:
        """The number of items of this rank in a full epoch."""
        return math.ceil(len(self.dataset) / self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next iteration.

        Args:
            epoch (int): Epoch number.
        """
        self.epoch = epoch
