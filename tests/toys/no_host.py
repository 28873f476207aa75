# Copyright (c) semipose_mm authors.
"""A mode that refuses what a step must not do: wait for the device."""
import torch
from torch.utils._python_dispatch import TorchDispatchMode

#: `item` and its like, results whose size is data, tensors made of lists.
HOST = ('_local_scalar_dense', 'nonzero', 'unique', 'masked_select',
        'lift_fresh', 'is_nonzero', 'equal')


class NoHost(TorchDispatchMode):
    """Refuses operations for which the host would wait for a GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masks = name.startswith('index') and any(
            part is not None and part.dtype == torch.bool
            for part in (args[1] if isinstance(args[1], list) else ()))
        assert name not in HOST and not masks, f'{name} waits for the device'
        return func(*args, **(kwargs or {}))
