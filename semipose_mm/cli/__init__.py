# Copyright (c) semipose_mm authors.
"""The command ``semipose``: parsers of options, and nothing else.

What the commands do is in functions that have no parser, for notebooks.
"""
from .dispatch import COMMANDS, build_parser, main, script

__all__ = ['COMMANDS', 'build_parser', 'main', 'script']
