# Copyright (c) semipose_mm authors.
"""Layer-wise learning rates for several networks."""
from typing import List, Optional

from mmpose.engine.optim_wrappers import LayerDecayOptimWrapperConstructor
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from semipose_mm.models.networks import PARTS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class NetworkLayerDecayOptimWrapperConstructor(
        LayerDecayOptimWrapperConstructor):
    """MMPose's layer-wise decay, for each network of an estimator.

    The stock constructor (ViTPose: Xu et al., NeurIPS 2022) tells layers by
    names that start with ``backbone``, so that peers would train with the
    full learning rate in all layers. Here every network is decayed as if it
    were alone. Parameters are those of the stock constructor.
    """

    def add_params(self,
                   params: List[dict],
                   module: nn.Module,
                   prefix: str = '',
                   lr: Optional[float] = None) -> None:
        """Add the parameter groups of all networks.

        Args:
            params (list[dict]): Groups; extended in place.
            module (nn.Module): A ``SemiPoseEstimator``, or any model.
            prefix (str): As in the parent class. Defaults to ``''``
            lr (float, optional): As in the parent class. Defaults to
                ``None``
        """
        networks = list(getattr(module, 'networks', [module]))
        if networks[0] is module and hasattr(module, 'networks'):
            # network 0 is the estimator, and so would count the others
            networks[0] = nn.ModuleDict({
                name: child
                for name, child in module.named_children() if name in PARTS
            })
        for net in networks:
            super().add_params(params, net, prefix, lr)
