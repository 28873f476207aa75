# Copyright (c) semipose_mm authors.
"""Files that are removed after what replaces them is written."""
import os
import os.path as osp
from typing import Any, List, Optional, Sequence

from mmengine.fileio import BaseStorageBackend
from mmengine.logging import MessageHub

# the message hub is a part of what is saved
_OUTDATED = 'semipose_outdated_ckpts'


class LateRemoval:
    """A file backend that removes files when it is told that it may.

    Args:
        backend (BaseStorageBackend): The backend.
        hub (MessageHub): The runner's, which keeps what shall go: a
            checkpoint then knows it, should the process not live to do it.
    """

    def __init__(self, backend: BaseStorageBackend, hub: MessageHub) -> None:
        self._backend = backend
        self._hub = hub
        self._outdated: List[str] = []
        hub.update_info(_OUTDATED, [])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Note a file that shall go.

        Args:
            path (str): Its path; empty for none.
        """
        if path:
            self._outdated.append(path)
            self._hub.update_info(_OUTDATED, list(self._outdated))

    def remove_now(self, written: Sequence[Optional[str]]) -> None:
        """Remove what shall go.

        Args:
            written (Sequence[str]): Files that have been written anew.
        """
        for path in self._outdated:
            if path not in written and self._backend.isfile(path):
                self._backend.remove(path)


def remove_again(folder: str, hub: MessageHub) -> None:
    """Remove what a process that was killed could not.

    Args:
        folder (str): Where the run saves now; other folders are left alone.
        hub (MessageHub): As it was in the checkpoint.
    """
    for path in hub.runtime_info.get(_OUTDATED, ()):
        if osp.dirname(path) == folder and osp.isfile(path):
            os.remove(path)
