# Copyright (c) semipose_mm authors.
"""When do networks collapse: a rule on peak heights, without a runner."""
from typing import Dict, List

#: Readings that are judged, and what of.
_JUDGED = dict(peak_hard='hard views', peak_unlabeled='unlabeled images')


class CollapseAlarm:
    """Rings when networks call unlabeled images background.

    Collapse shows as heatmaps without peaks on unlabeled images while those
    on labeled ones keep theirs. Students are judged by what they predict on
    hard views, teachers by what they say of easy ones. The alarm is armed
    for a network once its labeled peaks exceed ``arm_peak``, so a start from
    scratch is none, and rings when the ratio of unlabeled to labeled peaks
    stays below ``ratio`` for ``patience`` readings in a row; once, until
    that reading recovers. A teacher that is not trained has no labeled peaks
    of its own and is measured by the highest of the trained networks.

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

    def read(self, stats: Dict[str, float]) -> List[str]:
        """Take a reading of all networks.

        Args:
            stats (dict): See :func:`teaching_statistics`.

        Returns:
            list[str]: What has gone wrong now.
        """
        labeled = {
            name.partition('/')[0]: value
            for name, value in stats.items() if name.endswith('/peak_labeled')
        }
        for net, peak in labeled.items():
            # in burn-in too, when nothing is known of unlabeled images
            self._armed[net] = self._armed.get(net, False) or \
                peak > self.arm_peak
        troubles = []
        for name in sorted(stats):
            net, _, what = name.partition('/')
            if what not in _JUDGED or not labeled:
                continue
            own = net if net in labeled else max(labeled, key=labeled.get)
            low = (
                self._armed[own]
                # peaks below 0 are no collapse, but a divergence
                and stats[name] < self.ratio * max(labeled[own], 0.))
            self._low[name] = self._low.get(name, 0) + 1 if low else 0
            if self._low[name] == self.patience:
                troubles.append(
                    f'{net} collapses: its mean peak is {stats[name]:.3f} on '
                    f'{_JUDGED[what]} and {labeled[own]:.3f} on labeled '
                    f'images (ratio below {self.ratio} for {self.patience} '
                    'readings)')
        return troubles
