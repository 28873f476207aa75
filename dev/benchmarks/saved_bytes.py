# Copyright (c) semipose_mm authors.
"""How much autograd keeps for the backward pass, on any device."""
import weakref
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks


class _Holder:
    """What autograd keeps in the place of a tensor."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


class SavedBytes(saved_tensors_hooks):
    """Counts the bytes of saved tensors, which are most of a step's memory.

    A storage that is saved several times counts once. What compiled graphs
    and custom functions keep for themselves is not seen.

    Attributes:
        now (int): Bytes that are held.
        peak (int): The most that were held at a time.
    """

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._uses = dict()
        super().__init__(self._pack, lambda holder: holder.tensor)

    def __enter__(self) -> 'SavedBytes':
        super().__enter__()
        return self

    def _pack(self, tensor: Tensor) -> Any:
        storage = tensor.untyped_storage()
        key, size = storage.data_ptr(), storage.nbytes()
        self._uses[key] = self._uses.get(key, 0) + 1
        if self._uses[key] == 1:
            self.now += size
            self.peak = max(self.peak, self.now)
        holder = _Holder(tensor.detach())
        weakref.finalize(holder, self._free, key, size)
        return holder

    def _free(self, key: int, size: int) -> None:
        self._uses[key] -= 1
        if not self._uses[key]:
            del self._uses[key]
            self.now -= size


def peak_memory(step: Any, device: torch.device) -> int:
    """Bytes that a step needs beside what is there before and after.

    Args:
        step (Callable): Runs a whole step.
        device (torch.device): On a GPU the allocator is asked, elsewhere
            saved tensors are counted.
    """
    if device.type == 'cuda':
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with SavedBytes() as saved:
        step()
    return saved.peak
