# Copyright (c) semipose_mm authors.
"""Files of equal content, whatever they are called."""
import os.path as osp
from collections import defaultdict
from typing import Dict, Iterable, Iterator, List

from semipose_mm.files import file_digest


class Copies:
    """Look up which of some files others are copies of.

    Files of equal length alone are read.

    Args:
        paths (Iterable[str]): The files; those that are not there are left
            out.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_length: Dict[int, List[str]] = defaultdict(list)
        self._digests: Dict[str, str] = {}
        for path in filter(osp.isfile, paths):
            self._by_length[osp.getsize(path)].append(path)

    def possible(self, path: str) -> List[str]:
        """The files that are as long as another.

        Args:
            path (str): The other; one that is not there has no copies.
        """
        if not osp.isfile(path):
            return []
        return self._by_length.get(osp.getsize(path), [])

    def of(self, path: str) -> Iterator[str]:
        """The files that another is a copy of, in the order of ``paths``.

        Args:
            path (str): The other.

        Yields:
            str: One of ``paths``.
        """
        possible = self.possible(path)
        wanted = file_digest(path) if possible else ''
        return (one for one in possible if self._digest(one) == wanted)

    def _digest(self, path: str) -> str:
        """Digest of one of the files, which is read once."""
        if path not in self._digests:
            self._digests[path] = file_digest(path)
        return self._digests[path]
