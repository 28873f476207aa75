# Copyright (c) semipose_mm authors.
"""Unlabeled images that cannot be used: named, counted, limited."""
import logging
from typing import Dict, Optional
from zlib import crc32

import torch
from mmengine.logging import print_log

from ...data_files import DataError

# Files are told apart by their hash; two of 100 collide once in 200 runs,
# and are then counted as one.
SLOTS = 1 << 20


class BadImageError(DataError):
    """An image that cannot be used; the message names the file."""


class BadImages:
    """Bad images that all workers of a process have met.

    Args:
        key (str): Config key of their dataset, for the messages.
        limit (int): The largest number of them.
        limit_key (str): Config key of the limit.
    """

    def __init__(self, key: str, limit: int, limit_key: str) -> None:
        self.key = key
        self.limit = limit
        self.limit_key = limit_key
        # shared with the workers, whichever way they are started
        self._seen = torch.zeros(SLOTS, dtype=torch.uint8).share_memory_()
        self._reasons: Dict[str, str] = {}

    def __len__(self) -> int:
        """Number of images that were called bad in this worker."""
        return len(self._reasons)

    def reason(self, path: str) -> Optional[str]:
        """Get why an image was called bad in this worker.

        Args:
            path (str): The image.

        Returns:
            str, optional: The reason; None if it was not.
        """
        return self._reasons.get(path)

    def add(self, path: str, reason: str) -> None:
        """Count an image, and warn if nobody did before.

        Args:
            path (str): The image.
            reason (str): What is wrong with it.

        Raises:
            BadImageError: If there are more of them than the limit.
        """
        self._reasons[path] = reason
        slot = crc32(path.encode('utf-8', 'surrogateescape')) % SLOTS
        known = bool(self._seen[slot])
        self._seen[slot] = 1
        count = int(self._seen.count_nonzero())
        if count > self.limit:
            raise BadImageError(
                f'{self.key} has {count} images that cannot be used, more '
                f"than {self.limit_key}={self.limit}; the last: '{path}' "
                f'{reason}')
        if not known:
            print_log(
                f"{self.key}: '{path}' {reason}; another image takes its "
                f'place ({count} so far, {self.limit_key}={self.limit})',
                logger='current',
                level=logging.WARNING)
