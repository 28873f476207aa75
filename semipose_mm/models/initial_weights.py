# Copyright (c) semipose_mm authors.
"""Weights that networks begin with, and when they are not needed."""
from typing import Any, Dict

from mmengine.logging import print_log
from torch import nn


def drop_initial_weights(model: nn.Module) -> None:
    """Let a model forget from which files it would be initialized.

    Every ``init_cfg`` of type ``Pretrained`` is removed, so that
    ``init_weights`` reads and downloads nothing. For a model into which a
    checkpoint of all its weights is loaded next.

    Args:
        model (nn.Module): Changed in place; its config is not.
    """
    for module in model.modules():
        init = getattr(module, 'init_cfg', None)
        if isinstance(init, (list, tuple)):
            module.init_cfg = [i for i in init if not _is_pretrained(i)]
        elif _is_pretrained(init):
            module.init_cfg = None


def _is_pretrained(init: Any) -> bool:
    kind = init.get('type') if isinstance(init, dict) else None
    name = getattr(kind, '__name__', str(kind)).rpartition('.')[2]
    return name in ('Pretrained', 'PretrainedInit')


def shorten_init_log(model: nn.Module) -> None:
    """Let ``init_weights`` log a line a way of initialization, not each one.

    Args:
        model (nn.Module): Not wrapped; changed in place.
    """

    def log_summary() -> None:
        counts: Dict[str, int] = {}
        for param in model.parameters():
            info = model._params_init_info[param]['init_info'].strip()
            counts[info] = counts.get(info, 0) + 1
        for info, count in counts.items():
            print_log(
                f'Initialization of {count} parameters: {info}',
                logger='current')

    # MMEngine calls it at the end of init_weights
    model._dump_init_info = log_summary
