# Copyright (c) semipose_mm authors.
"""Values of a config as Python code, and comments between them."""
import textwrap
from typing import Any, List

from yapf.yapflib.yapf_api import FormatCode


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
