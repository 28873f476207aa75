# Copyright (c) semipose_mm authors.
"""A network's training pass, which may be compiled; passes of a step."""
import copy
from typing import Any, Callable, Collection, Iterator, Set, Tuple

import torch
from torch import Tensor

from .outputs import HeadOutput
from .teaching import Comparison, TeachingPlan

#: Number of a network, its images, and what its features go through.
Run = Callable[[int, Tensor, Any], Any]


class NetworkPass:
    """From images to the output of a network in training.

    Args:
        function (Callable): Runs the network on images (N, 3, H, W).
    """

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        self._function = self._compiled = function
        self._sizes = {True: (), False: ()}

    def compile(self, student: Collection[int], teacher: Collection[int],
                **kwargs) -> None:
        """Compile the pass for the usual batches.

        Batches of another size, such as the last one of an epoch, run as
        before, since each new size would be compiled anew.

        Args:
            student (Collection[int]): Images of the usual batches with
                gradient.
            teacher (Collection[int]): Those of the ones without.
            **kwargs: Arguments of ``torch.compile``.
        """
        self._compiled = torch.compile(self._function, dynamic=False, **kwargs)
        self._sizes = {True: tuple(student), False: tuple(teacher)}

    def __deepcopy__(self, memo: dict) -> 'NetworkPass':
        """A pass of the copied network, not compiled."""
        return NetworkPass(copy.deepcopy(self._function, memo))

    def __call__(self, images: Tensor) -> Any:
        """The output for images (N, 3, H, W)."""
        usual = len(images) in self._sizes[torch.is_grad_enabled()]
        return (self._compiled if usual else self._function)(images)


def run_students(
        run: Run, output: HeadOutput, one_pass: bool,
        comparisons: Iterator[Comparison]) -> Iterator[Tuple[Comparison, Any]]:
    """Run students, one comparison after the other or all at once.

    Args:
        run (Callable): Runs a network.
        output (HeadOutput): What heads predict.
        one_pass (bool): Whether a student sees all at once, but for images
            that are restored in between.
        comparisons (Iterator[Comparison]): What students are shown.

    Yields:
        tuple: Each comparison, and what its student says.
    """
    if not one_pass:
        for item in comparisons:
            yield item, run(item.student, item.images, item.restore)
        return
    items = list(comparisons)
    for student in dict.fromkeys(item.student for item in items):
        own = [x for x in items if x.student == student]
        together = [x for x in own if x.restore is None]
        found = together and run(student,
                                 torch.cat([x.images for x in together]), None)
        start = 0
        for item in together:
            part = slice(start, start + len(item.images))
            start = part.stop
            yield item, output.apply(lambda x: x[part], found)
        for item in own:
            if item.restore is not None:
                yield item, run(student, item.images, item.restore)


def pass_sizes(plan: TeachingPlan, one_pass: bool, labeled: int,
               unlabeled: int) -> Tuple[Set[int], Set[int]]:
    """Images of the usual passes with gradient, and without.

    Args:
        plan (TeachingPlan): Who teaches whom.
        one_pass (bool): See :func:`run_students`.
        labeled (int): Labeled images of a batch.
        unlabeled (int): Unlabeled ones.
    """
    if not one_pass:
        return {labeled, unlabeled}, {unlabeled}
    first = labeled * (
        sum(view.shuffle is None
            for view in plan.labeled_views) if plan.labeled_views else 1)
    sizes = {first}
    for student in range(plan.num_trained):
        views = sum(plan.views[p].shuffle is None for route in plan.routes
                    for p in route.views if route.student == student)
        sizes.add(first + unlabeled * views)
    return sizes - {0}, {unlabeled}
