# Copyright (c) semipose_mm authors.
"""Whether labels are what limits a training: a rule on losses alone."""
import math
import statistics
from typing import Dict, List, Optional


class LabelLimit:
    """Compares what a network has to learn from unlabeled images and labels.

    Before unlabeled images teach, the loss of a hard view against the
    teachers' targets shows how much a network would learn of it, and the
    labeled loss how much of a labeled image. Their ratio is small while
    labels are not learned, and grows once the network knows its labels but
    contradicts itself on other images: then labels are the limit
    (docs/results.md has both cases). Losses are means over all joints, so
    where many joints have no label, their loss is too small by that share.

    Args:
        window (int): Readings of which the median counts. Defaults to 5
    """

    def __init__(self, window: int = 5) -> None:
        self.window = window
        self._readings: List[float] = []

    @property
    def ratio(self) -> Optional[float]:
        """Float, optional: Median of the last readings; None with too few."""
        if len(self._readings) < self.window:
            return None
        return statistics.median(self._readings)

    def read(self, stats: Dict[str, float]) -> None:
        """Take a reading.

        Args:
            stats (dict): See :func:`teaching_statistics`.
        """
        ratios = [v for k, v in stats.items() if k.endswith('/label_limit')]
        mean = sum(ratios) / len(ratios) if ratios else math.nan
        # that of a step without labels, or of one that is skipped
        if math.isfinite(mean):
            self._readings = [*self._readings, mean][-self.window:]

    def state(self) -> List[float]:
        """What a resumed training must know, for :meth:`load_state`."""
        return list(self._readings)

    def load_state(self, state: List[float]) -> None:
        """Go on from what :meth:`state` returned."""
        self._readings = list(state)

    def __str__(self) -> str:
        if self.ratio is None:
            return 'too early to tell whether labels are the limit'
        told = 'labels are the limit' if self.ratio >= 1 else \
            'labels have more to teach, so training longer on them may be ' \
            'worth more'
        return (f'a hard view of an unlabeled image loses {self.ratio:.2g} '
                f'times what a labeled image does: {told}')
