# Copyright (c) semipose_mm authors.
"""A file backend that writes files whole or not at all."""
from mmengine.fileio import LocalBackend, register_backend

from semipose_mm.files import whole_files

#: Name for ``backend_args=dict(backend=...)``.
WHOLE_BACKEND = 'semipose_whole'


class WholeFileBackend(LocalBackend):
    """The local backend, but a file appears once it is complete.

    MMEngine writes a checkpoint into its final place, so that a process
    that is killed, or a full disk, leaves a torn one there.
    """

    def put(self, obj: bytes, filepath: str) -> None:
        """Write bytes.

        Args:
            obj (bytes): Data to be written.
            filepath (str): Path of the file.

        Raises:
            OSError: If it cannot be written; what was there is as it was.
        """
        with whole_files(str(filepath)) as (part, ):
            super().put(obj, part)


register_backend(WHOLE_BACKEND, WholeFileBackend)
