# Copyright (c) semipose_mm authors.
"""Numbers that stay on a device once they are there."""
from functools import lru_cache
from typing import Tuple

import torch
from torch import Tensor


@lru_cache(maxsize=None)
def on_device(numbers: Tuple[int, ...], device: torch.device) -> Tensor:
    """Numbers on a device, which every copy to it would wait for."""
    # what is kept must also serve where gradients are wanted
    with torch.inference_mode(False):
        return torch.tensor(numbers, device=device)
