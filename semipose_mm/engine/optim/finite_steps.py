# Copyright (c) semipose_mm authors.
"""Steps of the optimizer are taken where everything is finite, else skipped.

Everything is decided on the device: a GPU is not waited for, except by
optimizers that cannot skip a step themselves (all but Adam and AdamW with
``fused=True``).
"""
from contextlib import contextmanager
from itertools import groupby
from typing import Iterator, List, NamedTuple, Optional

import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import Tensor, nn

from ..distributed import running_buffers


class SkippedSteps(NamedTuple):
    """What has been skipped.

    Args:
        new (int): Steps since the last reading.
        total (int): Steps since the training began or was resumed.
        in_a_row (int): The last steps, all of them.
    """

    new: int
    total: int
    in_a_row: int


class FiniteSteps:
    """What optim wrappers share that skip steps; comes before the stock one.

    A step is skipped on all ranks together if the loss of any rank or the
    reduced gradient is not finite. Parameters and the optimizer's state stay
    as they are, and so do buffers: running statistics that the forward pass
    has spoilt are rolled back.

    Attributes:
        max_skipped (int): Steps skipped in a row that end a training in
            :class:`SemiPoseTrainLoop`, which looks at log intervals.
    """

    max_skipped: int
    _rollback: Optional['_Rollback'] = None
    _counts: Optional[Tensor] = None  # (total, in a row)
    _read = 0

    def set_max_skipped(self, max_skipped: int) -> None:
        """Set the limit.

        Args:
            max_skipped (int): Steps in a row.

        Raises:
            ValueError: If it is not a positive integer.
        """
        if not isinstance(max_skipped, int) or max_skipped < 1:
            raise ValueError(f'optim_wrapper.max_skipped is {max_skipped!r}; '
                             'it must be a positive number of steps')
        self.max_skipped = max_skipped

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The stock context; keeps the buffers as they are before a step.

        Args:
            model (nn.Module): The model that is trained.
        """
        if self._rollback is None:
            self._rollback = _Rollback(model)
        with super().optim_context(model):
            yield

    def update_params(self, loss: Tensor, *args, **kwargs) -> None:
        """The stock update, of a loss that tells all ranks of its trouble.

        Args:
            loss (Tensor): The loss, a scalar.
            *args, **kwargs: As in ``OptimWrapper``.
        """
        # gradients are reduced, losses are not
        poison = torch.where(loss.detach().isfinite(), 1., float('nan'))
        super().update_params(loss * poison, *args, **kwargs)

    def step(self, **kwargs) -> None:
        """Take a step if all gradients are finite.

        Args:
            **kwargs: Those of the optimizer's ``step``.
        """
        finite = self._gradients_are_finite()
        if self._counts is None:
            self._counts = torch.zeros(
                2, dtype=torch.long, device=finite.device)
        skipped = (~finite).long()
        self._counts = (self._counts + skipped) * torch.stack(
            [torch.ones_like(skipped), skipped])
        if self._scaler_skips():
            super().step(**kwargs)
        elif self._optimizer_skips():
            self.optimizer.found_inf = skipped.float()
            super().step(**kwargs)
            del self.optimizer.found_inf
        elif finite:
            super().step(**kwargs)
        if self._rollback is not None:
            self._rollback.unless(finite)
            self._rollback = None

    def load_state_dict(self, state_dict: dict) -> None:
        """The stock loading, which keeps how this optimizer computes.

        Args:
            state_dict (dict): Perhaps of a run with another implementation,
                as with or without ``fused=True``.
        """
        for saved, own in zip(
                state_dict.get('param_groups', ()),
                self.optimizer.param_groups):
            # before torch places the state by it
            saved.update({
                name: own[name]
                for name in ('foreach', 'fused') if name in own
            })
        super().load_state_dict(state_dict)

    def read_skipped(self) -> SkippedSteps:
        """Read the counters; waits for the device.

        Returns:
            SkippedSteps: The same on all ranks.
        """
        total, in_a_row = [0, 0] if self._counts is None else \
            self._counts.tolist()
        new, self._read = total - self._read, total
        return SkippedSteps(new, total, in_a_row)

    def _scaler_skips(self) -> bool:
        """Whether a loss scaler looks at the gradients itself."""
        scaler = getattr(self, 'loss_scaler', None)
        return scaler is not None and scaler.is_enabled()

    def _optimizer_skips(self) -> bool:
        """Whether it leaves everything as it is when told ``found_inf``.

        SGD has momentum of uninitialized memory after a first step that
        is skipped (torch 2.5).
        """
        return isinstance(
            self.optimizer, (torch.optim.Adam, torch.optim.AdamW)) and \
            getattr(self.optimizer, '_step_supports_amp_scaling', False)

    def _gradients_are_finite(self) -> Tensor:
        """Whether their norm is, which float32 can hold up to 1e19."""
        grads = [
            p.grad for group in self.optimizer.param_groups
            for p in group['params'] if p.grad is not None
        ]
        if not grads:
            device = self.optimizer.param_groups[0]['params'][0].device
            return torch.ones((), dtype=torch.bool, device=device)
        norms = torch._foreach_norm(grads)
        return torch.stack([n.float() for n in norms]).isfinite().all()


class _Rollback:
    """Buffers of a model as they were, by type in one tensor each."""

    def __init__(self, model: nn.Module) -> None:
        buffers = sorted(running_buffers(model), key=_kind)
        self._live: List[List[Tensor]] = [
            list(group) for _, group in groupby(buffers, _kind)
        ]
        self._kept = [_joined(group) for group in self._live]

    @torch.no_grad()
    def unless(self, finite: Tensor) -> None:
        """Bring the buffers back unless all went well."""
        for group, kept in zip(self._live, self._kept):
            values = torch.where(finite, _joined(group), kept)
            parts = values.split([b.numel() for b in group])
            torch._foreach_copy_(group,
                                 [p.view_as(b) for p, b in zip(parts, group)])


def _kind(buffer: Tensor) -> str:
    return f'{buffer.dtype} {buffer.device}'


def _joined(buffers: List[Tensor]) -> Tensor:
    """All values in one dimension."""
    return torch.cat([b.reshape(-1) for b in buffers])


@OPTIM_WRAPPERS.register_module()
class FiniteOptimWrapper(FiniteSteps, OptimWrapper):
    """MMEngine's ``OptimWrapper`` that skips steps which are not finite.

    Args:
        max_skipped (int): Steps skipped in a row that end the training. See
            :class:`FiniteSteps`. Defaults to 50
        **kwargs: Keyword arguments of ``OptimWrapper``.
    """

    def __init__(self, *args, max_skipped: int = 50, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.set_max_skipped(max_skipped)
