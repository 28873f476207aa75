# Copyright (c) semipose_mm authors.
"""What is saved and how, and loading it under any version of torch."""
from .loading import load_from_local, needs_bridge, register_bridge
from .plain import PlainError, from_plain, to_builtin, to_plain

# mmengine <= 0.10.7 only: its successor loads foreign files by itself.
if needs_bridge():
    register_bridge()

__all__ = [
    'PlainError', 'from_plain', 'load_from_local', 'needs_bridge',
    'register_bridge', 'to_builtin', 'to_plain'
]
