# Copyright (c) semipose_mm authors.
"""The model itself, wherever it is wrapped."""
from mmengine.model import is_model_wrapper
from torch import nn


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside a distributed wrapper, or the model.

    Args:
        model (nn.Module): A runner's model.
    """
    return model.module if is_model_wrapper(model) else model
