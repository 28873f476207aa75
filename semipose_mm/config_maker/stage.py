# Copyright (c) semipose_mm authors.
"""Files that are written and checked in a hidden folder, then moved."""
import os
import os.path as osp
import shutil
import tempfile
from contextlib import contextmanager
from typing import Iterator

from .faults import ConfigFault

#: The folder of a config, as MMEngine writes it in one.
HERE = '{{ fileDirname }}'


class Stage:
    """A folder whose files belong together.

    Args:
        out (str): The config that will stand in its place.

    Attributes:
        folder (str): Where files are until they are moved.
        stem (str): Name of the config without its ending.
    """

    def __init__(self, out: str) -> None:
        self.out = osp.abspath(out)
        self.stem = osp.splitext(osp.basename(out))[0]
        nearest = osp.dirname(self.out)
        while not osp.isdir(nearest):
            nearest = osp.dirname(nearest)
        self.folder = tempfile.mkdtemp(prefix='.make_config-', dir=nearest)

    def write(self, ending: str, content: bytes) -> str:
        """Write a file of the config's name with another ending.

        Args:
            ending (str): Such as ``'_val.json'``.
            content (bytes): Its content.

        Returns:
            str: Its path as the config names it.

        Raises:
            ConfigFault: If there is such a file already.
        """
        name = self.stem + ending
        there = osp.join(osp.dirname(self.out), name)
        if osp.exists(there):
            raise ConfigFault(f'{there} exists already: remove it, or name '
                              'another --out')
        with open(self.path(name), 'wb') as file:
            file.write(content)
        return f'{HERE}/{name}'

    def path(self, name: str) -> str:
        """Where a file is now, also by its path in the config."""
        return osp.join(self.folder, name.replace(f'{HERE}/', ''))

    def publish(self) -> list:
        """Move all files, the config last.

        Returns:
            list[str]: Their paths.
        """
        folder = osp.dirname(self.out)
        os.makedirs(folder, exist_ok=True)
        names = sorted(
            os.listdir(self.folder), key=lambda one: one == f'{self.stem}.py')
        for name in names:
            os.replace(osp.join(self.folder, name), osp.join(folder, name))
        return [osp.join(folder, name) for name in names]


@contextmanager
def staged(out: str) -> Iterator[Stage]:
    """Write files that are there together, or not at all.

    Args:
        out (str): The config file.

    Yields:
        Stage: Where to write them.

    Raises:
        ConfigFault: If the place cannot be written to.
    """
    try:
        stage = Stage(out)
    except OSError as error:
        raise ConfigFault(f'--out {out} cannot be written: '
                          f'{error.strerror}') from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage.folder, ignore_errors=True)
