# Copyright (c) semipose_mm authors.
"""When do networks collapse?

A rule on peak heights, without a runner.
"""
from typing import Dict, Optional


class CollapseAlarm:
    """Rings when networks call unlabeled images background.

    Collapse shows as heatmaps without peaks on unlabeled images while those
    on labeled ones keep theirs. The alarm is armed for a network once its
    labeled peaks exceed ``arm_peak``, so a start from scratch is none, and
    rings when the ratio of unlabeled to labeled peaks stays below ``ratio``
    for ``patience`` readings in a row.

    Args:
        arm_peak (float): Labeled peak height that arms. Defaults to 0.2
        ratio (float): Ratio below which peaks count as collapsed. Defaults
            to 0.25
        patience (int): Readings in a row. Defaults to 3
    """

    def __init__(self,
                 arm_peak: float = 0.2,
                 ratio: float = 0.25,
                 patience: int = 3) -> None:
        self.arm_peak = arm_peak
        self.ratio = ratio
        self.patience = patience
        self._armed: Dict[str, bool] = {}
        self._low: Dict[str, int] = {}

    def state(self) -> dict:
        """What a resumed training must know, in plain values.

        Returns:
            dict: For :meth:`load_state`.
        """
        return dict(armed=dict(self._armed), low=dict(self._low))

    def load_state(self, state: dict) -> None:
        """Go on from a state.

        Args:
            state (dict): What :meth:`state` returned.
        """
        self._armed, self._low = dict(state['armed']), dict(state['low'])

    def read(self, stats: Dict[str, float]) -> Optional[str]:
        """Take a reading.

        Args:
            stats (dict): ``net<i>/peak_labeled`` and, while it teaches,
                ``net<i>/peak_unlabeled``.

        Returns:
            str: What is wrong, or ``None``.
        """
        for name in sorted(stats):
            net, _, what = name.partition('/')
            if what != 'peak_labeled':
                continue
            labeled = stats[name]
            if labeled > self.arm_peak:
                # in burn-in too, when nothing is known of unlabeled images
                self._armed[net] = True
            unlabeled = stats.get(f'{net}/peak_unlabeled')
            if unlabeled is None:
                continue
            low = (
                self._armed.get(net, False)
                # peaks below 0 are no collapse, but a divergence
                and unlabeled < self.ratio * max(labeled, 0.))
            self._low[net] = self._low.get(net, 0) + 1 if low else 0
            if self._low[net] >= self.patience:
                return (f'{net} collapses: its mean peak is '
                        f'{unlabeled:.3f} on unlabeled and at {labeled:.3f} '
                        f'on labeled images (ratio below {self.ratio} for '
                        f'{self._low[net]} readings)')
        return None
