# Copyright (c) semipose_mm authors.
"""Mixed precision on whatever device there is."""
from typing import Optional, Union

import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS

from .finite_steps import FiniteSteps


@OPTIM_WRAPPERS.register_module()
class AnyDeviceAmpOptimWrapper(FiniteSteps, AmpOptimWrapper):
    """Automatic mixed precision that also runs without an accelerator.

    On an accelerator this is the stock wrapper, and on CPU, where that
    refuses, forward passes run in bfloat16 autocast. Losses are scaled in
    float16 only, since bfloat16 has the range of float32. Steps that are not
    finite are skipped, see :class:`FiniteSteps`; those by which a loss scaler
    finds its scale count as well.

    Args:
        loss_scale (float | str | dict): As in ``AmpOptimWrapper``; without
            effect in bfloat16. Defaults to ``'dynamic'``
        dtype (str | torch.dtype, optional): The precision of the autocast.
            On CPU only ``'bfloat16'`` is allowed. Defaults to ``None``, that
            is float16 on an accelerator and bfloat16 on CPU
        use_fsdp (bool): As in ``AmpOptimWrapper``; not possible on CPU.
            Defaults to ``False``
        max_skipped (int): Steps skipped in a row that end the training.
            Defaults to 50
        **kwargs: Keyword arguments of ``OptimWrapper``.
    """

    def __init__(self,
                 loss_scale: Union[float, str, dict] = 'dynamic',
                 dtype: Optional[Union[str, torch.dtype]] = None,
                 use_fsdp: bool = False,
                 max_skipped: int = 50,
                 **kwargs) -> None:
        self.set_max_skipped(max_skipped)
        if get_device() != 'cpu':
            super().__init__(loss_scale, dtype, use_fsdp, **kwargs)
            if self.cast_dtype in ('bfloat16', torch.bfloat16):
                self._leave_unscaled()
            return
        if dtype not in (None, 'bfloat16', torch.bfloat16):
            raise ValueError(
                f'optim_wrapper.dtype is {dtype!r}, but mixed precision on '
                "CPU needs 'bfloat16'; leave it out to have float16 on an "
                'accelerator and bfloat16 on CPU')
        if use_fsdp:
            raise ValueError(
                'optim_wrapper.use_fsdp is True, but sharded training needs '
                'an accelerator; set it to False on CPU')
        OptimWrapper.__init__(self, **kwargs)
        self._scale_update_param = None
        self.cast_dtype = torch.bfloat16
        self._leave_unscaled()

    def _leave_unscaled(self) -> None:
        """Scale no loss, since bfloat16 has the range of float32."""
        # a dynamic scale would grow without end, beyond that range
        self.loss_scaler = torch.amp.GradScaler('cpu', enabled=False)

    def load_state_dict(self, state_dict: dict) -> None:
        """Load the states of the optimizer and the loss scaler.

        Args:
            state_dict (dict): From a run on any device.
        """
        # a run on CPU has no scale to hand on
        if not state_dict.get('loss_scaler', True):
            state_dict.pop('loss_scaler')
        super().load_state_dict(state_dict)
