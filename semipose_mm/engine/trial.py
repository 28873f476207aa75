# Copyright (c) semipose_mm authors.
"""A step that is tried before it is needed, without a trace."""
from contextlib import contextmanager, nullcontext
from typing import ContextManager, Dict, Iterator

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner.amp import autocast
from torch import Tensor, nn

from semipose_mm.errors import RunError
from semipose_mm.structures import TeachingStep
from .distributed import running_buffers


class TeachingMemoryError(RunError):
    """A step does not fit into the memory of a device."""


def try_teaching(model: nn.Module, data_batch: dict,
                 optim_wrapper: OptimWrapper) -> None:
    """Run forward and backward of a step that teaches, and forget it.

    Parameters, gradients, buffers and random generators are as before.

    Args:
        model (nn.Module): A ``SemiPoseEstimator``, not wrapped, whose weight
            of the unlabeled loss is set.
        data_batch (dict): A batch of the dataloader.
        optim_wrapper (OptimWrapper): Has the precision of the training.

    Raises:
        TeachingMemoryError: If the step does not fit into memory.
    """
    params = [p for p in model.parameters() if p.requires_grad]
    try:
        with _step(model, data_batch, optim_wrapper) as losses:
            torch.autograd.grad(
                sum(losses.values()), params, allow_unused=True)
    except torch.cuda.OutOfMemoryError as error:
        raise TeachingMemoryError(
            'a step with unlabeled images does not fit into memory: set '
            'train_dataloader.batch_size or dataset.unlabeled_ratio lower, or '
            'model.early_backward=True, or model.recompute '
            f'({str(error).splitlines()[0]})') from None


def look_ahead(model: nn.Module, data_batch: dict,
               optim_wrapper: OptimWrapper) -> TeachingStep:
    """What a step that teaches would see, before unlabeled images teach.

    Parameters, gradients, buffers, random generators and the weight of the
    unlabeled loss are as before.

    Args:
        model (nn.Module): A ``SemiPoseEstimator``, not wrapped.
        data_batch (dict): A batch of the dataloader.
        optim_wrapper (OptimWrapper): Has the precision of the training.

    Returns:
        TeachingStep: The record of the step.
    """
    weight = float(model.unsup_weight)
    model.set_unsup_weight(model.base_unsup_weight)
    try:
        with _step(model, data_batch, optim_wrapper):
            return model.last_step
    finally:
        model.set_unsup_weight(weight)


@contextmanager
def _step(model: nn.Module, data_batch: dict,
          optim_wrapper: OptimWrapper) -> Iterator[Dict[str, Tensor]]:
    """The losses of a step, whose traces are gone behind a block."""
    try:
        with _no_trace(model), _precision(optim_wrapper):
            data = model.data_preprocessor(data_batch, False)
            yield model(**data, mode='loss')
    finally:
        model.last_step = None


@contextmanager
def _no_trace(model: nn.Module) -> Iterator[None]:
    """Restore buffers and random generators behind a block."""
    device = next(model.parameters()).device
    devices = [device] if device.type == 'cuda' else []
    buffers = running_buffers(model)
    kept = [buffer.clone() for buffer in buffers]
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            for buffer, value in zip(buffers, kept):
                buffer.copy_(value)


def _precision(optim_wrapper: OptimWrapper) -> ContextManager:
    """The autocast of mixed precision, without the rest of a step."""
    if isinstance(optim_wrapper, AmpOptimWrapper):
        return autocast(dtype=optim_wrapper.cast_dtype)
    return nullcontext()
