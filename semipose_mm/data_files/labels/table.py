# Copyright (c) semipose_mm authors.
"""Labels as a table that says what is used, and why the rest is not."""
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Collection, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..findings import DataError, Findings
from ..images.lists import Image
from .entries import Entry

ERRORS = 'with errors'
OTHERS = 'of other categories'


@dataclass
class Labels:
    """What a file of labels holds.

    Args:
        where (str): The file, for messages.
        images (dict): From id to :class:`Image`.
        entries (list[Entry]): Annotations without errors, as in the file.
        categories (list[dict]): Its categories.
        num_joints (int): Number of joints of each entry.
        total (int): Number of annotations in the file.
        raw (dict): The content, mended.
    """

    where: str
    images: Dict[Any, Image] = field(default_factory=dict)
    entries: List[Entry] = field(default_factory=list)
    categories: List[dict] = field(default_factory=list)
    num_joints: int = 0
    total: int = 0
    raw: dict = field(default_factory=dict)

    def used(self,
             categories: Optional[Collection[Any]] = None) -> List[Entry]:
        """The entries that MMPose trains with, in its order.

        Args:
            categories (Collection, optional): Ids of their categories.
                Defaults to None, which means any.
        """
        grouped = defaultdict(list)
        for entry in self.entries:
            if not _left_out(entry, categories):
                grouped[entry.image_id].append(entry)
        return [one for key in self.images for one in grouped.get(key, ())]

    def left_out(
            self,
            categories: Optional[Collection[Any]] = None) -> Dict[str, int]:
        """Numbers of the entries that are not used, by reason.

        With the number of those that are used they add up to ``total``.

        Args:
            categories (Collection, optional): As of :meth:`used`.
        """
        reasons = (_left_out(entry, categories) for entry in self.entries)
        counts = Counter(filter(None, reasons))
        if self.total > len(self.entries):
            counts[ERRORS] = self.total - len(self.entries)
        return dict(counts.most_common())

    def arrays(self, entries: Sequence[Entry]) -> Tuple[np.ndarray, ...]:
        """Boxes, joints and image sizes of entries that are used, in pixels.

        Args:
            entries (Sequence[Entry]): The entries, N of them.

        Returns:
            tuple[np.ndarray]: x, y, width, height of shape (N, 4); x, y and
            visibility of shape (N, K, 3); width and height of shape (N, 2).
        """
        joints = np.array([one.keypoints for one in entries], float)
        return (np.array([one.box for one in entries], float).reshape(-1, 4),
                joints.reshape(len(entries), self.num_joints, 3),
                np.array([
                    self.images[one.image_id].size or (np.nan, np.nan)
                    for one in entries
                ], float).reshape(-1, 2))

    def content(self) -> dict:
        """The file as MMPose and its evaluation read it, mended.

        Visibilities are 0, 1 or 2, ``num_keypoints``, ``area`` and
        ``iscrowd`` are there and right, and the entries have no errors.
        """
        return self.raw

    @property
    def names(self) -> List[str]:
        """List[str]: Names of the joints in the file's order, if it tells."""
        used = {one.category_id for one in self.entries if one.keypoints}
        for category in self.categories:
            names = category.get('keypoints')
            if (category.get('id') in used and isinstance(names, list)
                    and len(names) == self.num_joints):
                return [str(name) for name in names]
        return []

    def check_order(self, names: Sequence[str], findings: Findings) -> bool:
        """Report joints that are the same, in another order.

        Args:
            names (Sequence[str]): Names of the joints in the order that is
                wanted.
            findings (Findings): Learns if the order is another one.

        Returns:
            bool: Whether the order is the same, or cannot be told.
        """
        own, wanted = map(_plain, self.names), list(map(_plain, names))
        own = list(own)
        if own == wanted or sorted(own) != sorted(wanted):
            return True
        index = next(i for i, name in enumerate(own) if name != wanted[i])
        findings.error(
            'order of keypoints',
            self.where,
            f'has the keypoints of the metainfo in another order: joint '
            f"{index} is '{self.names[index]}' there and '{names[index]}' in "
            'the metainfo',
            advice='Reorder the one or the other; the config maker does so')
        return False

    def reordered(self, names: Sequence[str]) -> dict:
        """The mended content with the joints in another order.

        Args:
            names (Sequence[str]): Names of the joints in the new order.

        Returns:
            dict: A new content; the old one stays as it is.

        Raises:
            DataError: If the names are not those of the file.
        """
        if self.names == list(names):
            return self.raw
        own, wanted = list(map(_plain, self.names)), list(map(_plain, names))
        if len(set(own)) != len(own) or sorted(own) != sorted(wanted):
            raise DataError(f'{self.where} has the keypoints {self.names}; '
                            f'they cannot be ordered as {list(names)}')
        order = [own.index(name) for name in wanted]
        place = {old + 1: new + 1 for new, old in enumerate(order)}

        def entry(one: dict) -> dict:
            flat = one.get('keypoints')
            if not flat:
                return one
            weights = one.get('keypoint_weights')
            more = dict(keypoint_weights=[weights[i]
                                          for i in order]) if weights else {}
            return dict(
                one,
                keypoints=[
                    value for i in order for value in flat[3 * i:3 * i + 3]
                ],
                **more)

        def category(one: dict) -> dict:
            if len(one.get('keypoints') or ()) != len(order):
                return one
            one = dict(one, keypoints=list(names))
            if one.get('skeleton'):
                one['skeleton'] = [[place.get(end, end) for end in link]
                                   for link in one['skeleton']]
            return one

        raw = self.raw
        return dict(
            raw,
            annotations=[entry(one) for one in raw['annotations']],
            categories=[category(one) for one in self.categories])


def _left_out(entry: Entry, categories: Optional[Collection[Any]]) -> str:
    """Why an entry is not used, or empty."""
    if categories is not None and entry.category_id not in categories:
        return OTHERS
    return entry.reason


def _plain(name: Any) -> str:
    """A name without what differs between ways of writing it."""
    return ''.join(filter(str.isalnum, str(name))).lower()
