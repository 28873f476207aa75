# Copyright (c) semipose_mm authors.
"""What is saved and how, and loading it under any version of torch."""
from .loading import load_from_http, load_from_local, register_loaders
from .plain import PlainError, from_plain, to_builtin, to_plain

register_loaders()

__all__ = [
    'PlainError', 'from_plain', 'load_from_http', 'load_from_local',
    'register_loaders', 'to_builtin', 'to_plain'
]
