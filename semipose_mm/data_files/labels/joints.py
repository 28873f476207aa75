# Copyright (c) semipose_mm authors.
"""Keypoints of annotations: x, y and whether a joint is labeled."""
from collections import Counter
from typing import Any, List, Optional, Sequence, Tuple

from ..findings import Findings
from ..numbers import are_numbers
from ..text import show

FLAGS = frozenset((0, 1, 2))
_ALLOWED = '0 (not labeled), 1 (labeled, hidden) or 2 (labeled, visible)'


class JointReader:
    """Reads the keypoints of a file, and sums up what is odd in them.

    Args:
        where (str): The file, for messages.
        num_joints (int, optional): Number of joints; None takes that of the
            first entry.
        findings (Findings): Learns what is wrong.
    """

    def __init__(self, where: str, num_joints: Optional[int],
                 findings: Findings) -> None:
        self.where = where
        self.num_joints = num_joints
        self.findings = findings
        self._read = 0
        self._at_origin: Counter = Counter()
        self._weights: List[float] = []
        self._first = ''

    def read(self, values: Any, place: str,
             box: Optional[Sequence[float]]) -> Optional[List[float]]:
        """Read the keypoints of an entry.

        Args:
            values (Any): What the entry has as ``keypoints``.
            place (str): The entry, such as ``'annotations[3]'``.
            box (Sequence[float], optional): Its box x, y, width, height.

        Returns:
            list[float], optional: x, y in pixels and visibility 0, 1 or 2 of
            each joint, flat; the list itself where nothing was mended. None
            if they cannot be read.
        """
        where = f'{self.where}, {place}.keypoints'
        if self.num_joints is None and isinstance(values, list):
            self.num_joints = len(values) // 3
        if self.num_joints is None or not are_numbers(values) or \
                len(values) != 3 * self.num_joints:
            self.findings.error(
                'keypoints',
                where,
                show(values),
                allowed='a list of x, y, visibility of each joint'
                if self.num_joints is None else
                f'{3 * self.num_joints} finite numbers: x, y, '
                f'visibility of each of the {self.num_joints} joints')
            return None
        self._read += 1
        if not FLAGS.issuperset(values[2::3]):
            values = self._mend(values, where)
        if values and 0 in values:
            values = self._check_origin(values, place, box)
        return values

    def check_weights(self, values: Any, place: str) -> bool:
        """Check how much the joints of an entry count in training.

        Args:
            values (Any): What the entry has as ``keypoint_weights``; None
                means 1 for each joint.
            place (str): The entry, such as ``'annotations[3]'``.

        Returns:
            bool: Whether it is nothing, or a number from 0 to 1 for each.
        """
        if values is None:
            return True
        if (not are_numbers(values) or len(values) != self.num_joints
                or not 0 <= min(values) <= max(values) <= 1):
            self.findings.error(
                'keypoint_weights',
                f'{self.where}, {place}.keypoint_weights',
                show(values),
                allowed=f'a list of {self.num_joints} numbers from 0 to 1, '
                'one for each joint')
            return False
        self._weights.append(sum(values) / len(values))
        return True

    def _mend(self, values: list, where: str) -> Optional[list]:
        """Read visibilities other than 0, 1 and 2."""
        values = list(values)
        for index in range(2, len(values), 3):
            flag = values[index]
            if flag in FLAGS:
                continue
            found = f'has {flag:g} as visibility of joint {index // 3}'
            if flag < 0:
                self.findings.warn(
                    'negative visibility',
                    where,
                    f'{found}, which is taken as not labeled',
                    allowed=_ALLOWED)
                values[index] = 0
            elif flag == int(flag):
                self.findings.warn(
                    'visibility',
                    where,
                    f'{found}, which is taken as labeled',
                    allowed=_ALLOWED)
                values[index] = 2
            else:
                self.findings.error(
                    'likelihood',
                    where,
                    f'{found}, as likelihoods of a network are',
                    allowed=_ALLOWED,
                    advice='Write 2 for those above a threshold of your '
                    'choice and 0 for all others')
                return None
        return values

    def _check_origin(self, values: list, place: str,
                      box: Optional[Sequence[float]]) -> list:
        """Take joints at (0, 0), far from their box, as not labeled."""
        joints = joints_at_origin(values)
        if not joints:
            return values
        if not is_far(box):
            self.findings.note(
                'joint in the corner', f'{self.where}, {place}.keypoints',
                f'has joint {joints[0]} labeled at (0, 0), as its box allows')
            return values
        self._first = self._first or place
        self._at_origin.update(joints)
        values = list(values)
        for joint in joints:
            values[3 * joint + 2] = 0
        return values

    def finish(self, names: Sequence[str]) -> None:
        """Report the joints at (0, 0), and that there are weights.

        Args:
            names (Sequence[str]): Names of the joints, or none.
        """
        if self._weights:
            mean = sum(self._weights) / len(self._weights)
            self.findings.note(
                'keypoint_weights', self.where,
                f'has keypoint_weights in {len(self._weights):,} of '
                f'{self._read:,} entries, {mean:.3g} in the mean, by which '
                'the labeled loss of their joints is multiplied')
        if not self._at_origin:
            return
        shown = ', '.join(
            f"{joint}{f' ({names[joint]})' if joint < len(names) else ''} in "
            f'{count:,}' for joint, count in self._at_origin.most_common(5))
        more = ', ...' if len(self._at_origin) > 5 else ''
        self.findings.warn(
            'joint at origin',
            f'{self.where}, {self._first}',
            f'is the first with a joint that is labeled at (0, 0), outside '
            f'of its box: of {self._read:,} entries, joint {shown}{more}',
            advice='They are taken as not labeled; write 0 as their '
            'visibility')


def joints_at_origin(values: Sequence[float]) -> List[int]:
    """Numbers of the joints that are labeled at (0, 0).

    Args:
        values (Sequence[float]): x, y, visibility of each joint, flat.
    """
    return [
        start // 3 for start in range(0,
                                      len(values) - 2, 3)
        if values[start +
                  2] > 0 and not values[start] and not values[start + 1]
    ]


def is_far(box: Optional[Sequence[float]]) -> bool:
    """Whether a joint at (0, 0) is no joint of what is in a box.

    Args:
        box (Sequence[float], optional): x, y, width, height in pixels.
    """
    return not box or box[0] > 0 or box[1] > 0


def count_labeled(keypoints: Sequence[float]) -> int:
    """Number of joints with a visibility above 0.

    Args:
        keypoints (Sequence[float]): x, y, visibility of each joint, flat.
    """
    flags = keypoints[2::3]
    return len(flags) - flags.count(0)


def extent(keypoints: Sequence[float]) -> Tuple[float, float]:
    """Width and height in pixels of what the labeled joints span.

    Args:
        keypoints (Sequence[float]): x, y, visibility of each joint, flat.
    """
    labeled = [(x, y) for x, y, flag in zip(keypoints[0::3], keypoints[1::3],
                                            keypoints[2::3]) if flag > 0]
    if not labeled:
        return 0., 0.
    x, y = zip(*labeled)
    return max(x) - min(x), max(y) - min(y)
