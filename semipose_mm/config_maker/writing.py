# Copyright (c) semipose_mm authors.
"""Values as code, and files that are there together or not at all."""
import os
import os.path as osp
import shutil
import tempfile
import textwrap
from contextlib import contextmanager
from typing import Any, Iterator, List

from yapf.yapflib.yapf_api import FormatCode

from .base import ConfigFault

#: What may be written: of the config's name.
ENDINGS = ('.py', '_keypoints.py', '_train.json', '_val.json',
           '_unlabeled.txt', '_unlabeled.json')
EXISTS = '{} exists already: remove it, or name another --out'
#: The folder of a config, as MMEngine writes it in one.
HERE = '{{ fileDirname }}'


class Here(str):
    """A path below :data:`HERE`, as code that any folder can replace."""

    def __repr__(self) -> str:
        # MMEngine pastes the folder as it is, such as Anna's data
        return f'"""{self}"""' if self.quoted else f'"{self}"'

    quoted = False


def refuse_existing(out: str) -> None:
    """Refuse to write a config where there is one.

    Args:
        out (str): The config.

    Raises:
        ConfigFault: If there is; it names what it was written with, too.
    """
    if osp.exists(out):
        stem = osp.abspath(out)[:-len('.py')]
        there = [stem + one for one in ENDINGS if osp.exists(stem + one)]
        raise ConfigFault(EXISTS.format(' '.join(there)))


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
        while not osp.exists(nearest):
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
            raise ConfigFault(EXISTS.format(there))
        with _writing(self.out), open(self.path(name), 'wb') as file:
            file.write(content)
        path = Here(f'{HERE}/{name}')
        path.quoted = '"' in self.out
        return path

    def remove(self, path: str) -> None:
        """Remove a file that was written here, if it was."""
        if path.startswith(HERE):
            os.remove(self.path(path))

    def path(self, name: str) -> str:
        """Where a file is now, also by its path in the config."""
        return osp.join(self.folder, str(name).replace(f'{HERE}/', ''))

    def publish(self) -> list:
        """Move all files, the config last.

        Returns:
            list[str]: Their paths.
        """
        folder = osp.dirname(self.out)
        names = sorted(
            os.listdir(self.folder), key=lambda one: one == f'{self.stem}.py')
        with _writing(self.out):
            os.makedirs(folder, exist_ok=True)
            for name in names:
                os.replace(osp.join(self.folder, name), osp.join(folder, name))
        return [osp.join(folder, name) for name in names]


@contextmanager
def _writing(out: str) -> Iterator[None]:
    """Name the option in what cannot be written."""
    try:
        yield
    except OSError as error:
        raise ConfigFault(f'--out {out} cannot be written: '
                          f'{error.strerror}') from error


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
    with _writing(out):
        stage = Stage(out)
    try:
        yield stage
    finally:
        shutil.rmtree(stage.folder, ignore_errors=True)


def code(value: Any) -> str:
    """Python code for a plain value, dicts as calls.

    Args:
        value (Any): A value of a config.
    """
    if isinstance(value, dict):
        if all(isinstance(key, str) and key.isidentifier() for key in value):
            return f'dict({arguments(value)})'
        return '{' + ', '.join(f'{k!r}: {code(v)}'
                               for k, v in value.items()) + '}'
    if isinstance(value, (list, tuple)):
        inner = ', '.join(map(code, value))
        if isinstance(value, list):
            return f'[{inner}]'
        return f'({inner},)' if len(value) == 1 else f'({inner})'
    return repr(value)


def arguments(values: dict) -> str:
    """Python code for keyword arguments.

    Args:
        values (dict): Their values by name.
    """
    return ', '.join(f'{key}={code(value)}' for key, value in values.items())


class Raw(str):
    """Code that stands in a value as it is."""

    def __repr__(self) -> str:
        return str(self)


def format_code(text: str) -> str:
    """Lay code out as MMPose's configs are.

    Args:
        text (str): The code.
    """
    style = dict(
        based_on_style='pep8',
        split_before_expression_after_opening_paren=True)
    return FormatCode(text, style_config=style)[0]


def comment(text: str) -> List[str]:
    """Lines of a comment.

    Args:
        text (str): What it says.
    """
    return textwrap.wrap(
        text,
        79,
        initial_indent='# ',
        subsequent_indent='# ',
        break_long_words=False,
        break_on_hyphens=False)
