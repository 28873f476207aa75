# Copyright (c) semipose_mm authors.
"""Mistakes in configs, data and environment are one line, no traceback."""
import argparse
import os
import re
from contextlib import contextmanager
from typing import Iterator

from ..data_files import DataError
from ..errors import RunError

#: Set to anything, it shows where a mistake was noticed.
TRACEBACK = 'SEMIPOSE_TRACEBACK'


def last_line(error: BaseException) -> str:
    """What an error says, without what MMEngine and workers put before it.

    Args:
        error (BaseException): The error.

    Returns:
        str: One line.
    """
    # a worker's error comes with its traceback, and the message last
    lines = str(error).strip().splitlines() or [type(error).__name__]
    by_worker = any(line.startswith('Original Traceback') for line in lines)
    text = lines[-1] if by_worker else ' '.join(lines)
    return re.sub(rf'^(?:class `\w+` in \S+: |{type(error).__name__}: )*', '',
                  text)


@contextmanager
def one_line(parser: argparse.ArgumentParser) -> Iterator[None]:
    """End with status 1 and one line for what a user can mend.

    Args:
        parser (ArgumentParser): Names the command.
    """
    try:
        yield
    except (DataError, RunError) as error:
        if os.environ.get(TRACEBACK):
            raise
        parser.exit(1, f'{parser.prog}: error: {last_line(error)}\n')


@contextmanager
def config_mistakes(parser: argparse.ArgumentParser, path: str,
                    what: str) -> Iterator[None]:
    """Turn whatever a config causes into one line: it is a program.

    Args:
        parser (ArgumentParser): Names the command.
        path (str): The config.
        what (str): What cannot be done with it, such as ``'read'``.
    """
    with one_line(parser):
        try:
            yield
        except (DataError, RunError):
            raise
        except Exception as error:
            if os.environ.get(TRACEBACK):
                raise
            text = last_line(error)
            if isinstance(error, KeyError):
                text = text.strip('\'"')
            parser.exit(
                1, f'{parser.prog}: error: {path} cannot be {what}: '
                f'{type(error).__name__}: {text} ({TRACEBACK}=1 shows '
                'where)\n')
