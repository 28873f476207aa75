# Copyright (c) semipose_mm authors.
"""The parser of the commands."""
import argparse
import difflib
from typing import NoReturn


class ToolParser(argparse.ArgumentParser):
    """A parser that answers mistakes with one line."""

    def __init__(self, **kwargs) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def parse_args(self, args=None, namespace=None):
        """Parse, and suggest an option for one that does not exist."""
        try:
            args, unknown = self.parse_known_args(args, namespace)
        except (AssertionError, RecursionError, ValueError):
            # what DictAction raises for malformed --cfg-options
            self.error('--cfg-options takes KEY=VALUE pairs, where VALUE is '
                       'a number, a word, or a list such as "[(a,b),(c,d)]"')
        if unknown:
            message = f'unknown option {unknown[0]}'
            similar = difflib.get_close_matches(unknown[0].split('=')[0],
                                                self._option_string_actions)
            if similar:
                message += f', did you mean {similar[0]}?'
            self.error(message)
        return args

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one line."""
        self.exit(2, f'{self.prog}: error: {message} (--help lists all)\n')
