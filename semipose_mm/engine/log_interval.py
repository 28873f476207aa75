# Copyright (c) semipose_mm authors.
"""How often a training is logged, by which others go."""
from mmengine.hooks import LoggerHook
from mmengine.runner import Runner


def log_interval(runner: Runner, default: int = 50) -> int:
    """Iterations between two log lines.

    Args:
        runner (Runner): A runner with its hooks.
        default (int): What holds without a ``LoggerHook``. Defaults to 50
    """
    return min((hook.interval
                for hook in runner.hooks if isinstance(hook, LoggerHook)),
               default=default)
