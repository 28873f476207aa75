# Copyright (c) semipose_mm authors.
"""What a training step may do to need less memory: same gradients."""
from contextlib import contextmanager, nullcontext
from types import MethodType
from typing import Any, Iterator, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import checkpoint

from .networks import parts


class _KnownGradients(torch.autograd.Function):
    """A loss whose gradient is known already."""

    @staticmethod
    def forward(ctx, loss: Tensor, grads: Sequence[Tensor], *params:
                Tensor) -> Tensor:
        ctx.grads = grads
        return loss.clone()

    @staticmethod
    def backward(ctx, grad_output: Tensor) -> Tuple:
        # freed with the pass, as others' saved tensors are
        grads, ctx.grads = ctx.grads, None
        known = [grad for grad in grads if grad is not None]
        scaled = iter(torch._foreach_mul(known, grad_output))
        return (None, None, *(grad if grad is None else next(scaled)
                              for grad in grads))


def backward_now(loss: Tensor, net: nn.Module) -> Tensor:
    """Differentiate a loss at once, so that its activations are freed.

    The result is a stand-in: its backward pass hands on the gradients that
    are known. They are those of the loss itself, as differentiation is
    linear.

    Args:
        loss (Tensor): A scalar with a graph.
        net (nn.Module): The network on which alone it depends.

    Returns:
        Tensor: The same value; the loss itself where there is nothing to
        differentiate.

    Raises:
        ValueError: In float16, whose small gradients vanish before a loss
            scaler could save them.
    """
    if not loss.requires_grad:
        return loss
    device = loss.device.type
    if torch.is_autocast_enabled(device) and torch.get_autocast_dtype(
            device) == torch.float16:
        raise ValueError(
            'model.early_backward is True, but optim_wrapper.dtype is '
            "float16: set the latter to 'bfloat16', or early_backward to "
            'False')
    params = [
        param for part in parts(net) for param in part.parameters()
        if param.requires_grad
    ]
    grads = torch.autograd.grad(loss, params, allow_unused=True)
    return _KnownGradients.apply(loss.detach(), grads, *params)


def recompute_modules(net: nn.Module, names: Sequence[str], key: str) -> None:
    """Keep only the inputs of modules, and run these again backwards.

    Unlike with ``with_cp`` of MMPose's backbones, the second run leaves
    running statistics alone, so all stays as it is but time and memory
    (activation checkpointing, Chen et al., arXiv 1604.06174).

    Args:
        net (nn.Module): A network; its modules are changed in place.
        names (Sequence[str]): Modules such as ``'backbone.stage3'``; of a
            ``Sequential`` each child.
        key (str): Config key of the names, for the message.

    Raises:
        ValueError: If there is no such module.
    """
    for name in names:
        try:
            module = net.get_submodule(name)
        except AttributeError as error:
            children = [
                f'{part}.{child}' for part in ('backbone', 'head')
                for child, _ in getattr(net, part).named_children()
            ]
            raise ValueError(
                f'{key} names {name!r}, which the network does not have; its '
                f'modules are {", ".join(children)}') from error
        for child in module if isinstance(module, nn.Sequential) else [module]:
            _run_twice(child)


def _run_twice(module: nn.Module) -> None:
    """Let a module run again in the backward pass."""
    # a method, so that a copy of the module runs its own weights
    module.forward = MethodType(_forward_twice, module)


def _forward_twice(module: nn.Module, *args, **kwargs) -> Any:
    """The forward of a module's class, checkpointed."""

    def forward(*args, **kwargs):
        # HRNet's modules write into the list that they are given
        args = [list(arg) if isinstance(arg, list) else arg for arg in args]
        return type(module).forward(module, *args, **kwargs)

    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(
        forward,
        *args,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), _untracked(module)),
        **kwargs)


@contextmanager
def _untracked(module: nn.Module) -> Iterator[None]:
    """Leave running statistics as they are."""
    norms = [
        m for m in module.modules()
        if isinstance(m, _NormBase) and m.training and m.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
            # counted a second time; SyncBN insists on a counter
            norm.num_batches_tracked.sub_(1)
