# Copyright (c) semipose_mm authors.
"""The config of a training on one's own data, a job a file.

``make`` does it all for a ``request``: ``base`` reads a config of the zoo,
``library`` makes one of a backbone, ``recommend`` chooses one, ``keypoints``
says which joints there are, ``data`` which data, from ``labels``, ``sources``
and ``several`` of them, ``pose_spread`` and ``similarity`` how much they
differ, ``recipes`` which method, ``schedule`` how long, ``network`` what
changes in the model, ``weights`` what it starts from: the ``plan``. ``leaf``
and ``leaf_training`` write it by ``writing``, ``check`` builds it, ``timing``
says what it costs, and ``report`` tells all that.
"""
from typing import Any


def __getattr__(name: str) -> Any:
    # mmpose is imported when it is needed
    if name == 'make_config':
        from .make import make_config
        return make_config
    raise AttributeError(name)


__all__ = ['make_config']
